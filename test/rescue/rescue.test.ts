// The rescue reader over stores that the core wrote: every object, byte for byte, without an index,
// without any one zone, with rot and forgery in the others; and what is lost is said to be.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { open, type Store, type UploadedPart } from '../../lib/index.ts';
import { readPreamble } from '../../lib/rescue/large-blob.ts';
import { cellChecksum } from '../../lib/rescue/log.ts';
import { rescue, rescueStore } from '../../lib/rescue/rescue.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const large = randomBytes(7 * 65_536 + 4321);
const partSize = 100 * 1024;
const nothing = { holes: [], unreadable: [], forked: 0, rows: 0 };

/** Objects of every kind; what each is to be read as. */
async function fill(store: Store): Promise<Map<string, Buffer>> {
  const docs = store.bucket('docs');
  const expected = new Map<string, Buffer>();
  const put = async (key: string, body: Buffer): Promise<void> => {
    await docs.put(key, body);
    expected.set(`docs/${key}`, body);
  };
  await docs.put('small', 'an older one');
  await put('small', Buffer.from('a small one'));
  await put('empty', Buffer.alloc(0));
  await put('chunk', randomBytes(65_536));
  await put('middle', randomBytes(200_017));
  await put('large', large);
  await put('stripe', randomBytes(8 * 65_536));
  await put('one-chunk-more', randomBytes(8 * 65_536 + 1));
  for (const key of ['../../up', 'a', 'a/b', 'a//b', './dot', 'e\u0301', 'x'.repeat(300), '%41'])
    await put(key, Buffer.from(`the body of ${key}`));
  await docs.put('gone', randomBytes(300_000));
  await docs.remove('gone');
  await docs.copy('large', 'copy');
  expected.set('docs/copy', large);
  await docs.symlink('link', 'small');
  expected.set('docs/link', Buffer.alloc(0));
  const headers = { contentType: 'text/plain', metadata: { note: 'n' }, tags: { t: 'v' } };
  await docs.put('described', 'text', headers);
  expected.set('docs/described', Buffer.from('text'));

  const appended = [randomBytes(10), randomBytes(300_000), randomBytes(5)];
  let position = 0;
  for (const bytes of appended) {
    await docs.append('log', bytes, { position });
    position += bytes.length;
  }
  expected.set('docs/log', Buffer.concat(appended));

  const upload = await docs.upload('parts');
  const parts = [randomBytes(partSize), randomBytes(4 * partSize), randomBytes(3)];
  const named: UploadedPart[] = [];
  for (const [i, part] of parts.entries()) named.push(await upload.part(10 * i + 3, part));
  await upload.part(7, randomBytes(partSize)); // Left out.
  await upload.complete(named);
  expected.set('docs/parts', Buffer.concat(parts));
  await fillVersions(store, expected);
  await store.bucket('other-bucket').put('small', 'of another bucket');
  expected.set('other-bucket/small', Buffer.from('of another bucket'));
  return expected;
}

/** What stands lies in frames that its own record did not write; older versions are none of it. */
async function fillVersions(store: Store, expected: Map<string, Buffer>): Promise<void> {
  const versions = await store.createBucket('versions');
  await versions.versioning.enable();
  await versions.put('again', 'stands again');
  const second = await versions.put('again', 'goes for good');
  await versions.remove('again', { versionId: second.versionId });
  await versions.tags.object('again').set({ tagged: 'later' });
  expected.set('versions/again', Buffer.from('stands again'));
  await versions.put('big', randomBytes(300_000));
  await versions.put('big', large);
  expected.set('versions/big', large);
  await versions.put('removed', 'behind a marker');
  await versions.remove('removed');
}

interface Disks {
  readonly folder: string;
  readonly zones: string[];
  readonly rootKey: { file: string };
  expected: Map<string, Buffer>;
}

let made: Disks;
test.before(async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'strongroom-rescue-')), 'data');
  const first = await open(folder, { zones: 3 });
  const expected = await fill(first);
  await first.close();
  const second = await open(folder, { zones: 3 });
  await second.bucket('docs').put('later', 'in a later epoch');
  expected.set('docs/later', Buffer.from('in a later epoch'));
  await second.close();
  const zones = [1, 2, 3].map((zone) => join(folder, `zone-${zone}`));
  for (const zone of zones) await rm(join(zone, 'index'), { recursive: true });
  made = { folder, zones, rootKey: { file: `${folder}.rootkey` }, expected };
});

test.after.always(() => rm(dirname(made.folder), { recursive: true, force: true }));

/** A copy of the store to break. */
async function copyOf(t: ExecutionContext): Promise<Disks> {
  const folder = join(await temporaryFolder(t), 'data');
  await cp(made.folder, folder, { recursive: true });
  return { ...made, folder, zones: [1, 2, 3].map((zone) => join(folder, `zone-${zone}`)) };
}

async function bodyOf(object: { stream(): AsyncIterable<Buffer> }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of object.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function expectAll(t: ExecutionContext, zones: string[], disks = made) {
  const store = await rescueStore(zones, { rootKey: disks.rootKey });
  t.deepEqual(store.losses, nothing);
  const keys = store.objects().map(({ bucket, key }) => `${bucket}/${key}`);
  t.deepEqual([...keys].sort(), [...disks.expected.keys()].sort());
  for (const object of store.objects()) {
    const name = `${object.bucket}/${object.key}`;
    t.true((await bodyOf(object)).equals(disks.expected.get(name) as Buffer), name);
  }
  return store;
}

test('every object of a whole store, as the store itself tells of it', async (t) => {
  const rescued = await expectAll(t, made.zones);
  t.deepEqual(rescued.findings, []);
  t.deepEqual(
    rescued.buckets.map(({ name }) => name),
    ['docs', 'other-bucket', 'versions'],
  );
  const disks = await copyOf(t);
  const store = await open(disks.folder, { zones: 3, rootKey: made.rootKey });
  t.teardown(() => store.close());
  for (const object of rescued.objects()) {
    const head = await store.bucket(object.bucket).head(object.key);
    t.like(object, { size: head?.size, etag: head?.etag, type: head?.type });
    t.deepEqual(object.modified, head?.lastModified);
    t.deepEqual(object.header.metadata, head?.metadata);
  }
});

for (const missing of [0, 1, 2])
  test(`every object without zone ${missing + 1}, the zones in any order`, async (t) => {
    await expectAll(t, made.zones.filter((_, zone) => zone !== missing).reverse());
  });

test('one zone alone: all that is small, and what is lost of the large', async (t) => {
  for (const zone of made.zones) {
    const store = await rescueStore([zone], { rootKey: made.rootKey });
    t.deepEqual(store.losses, nothing);
    t.is(store.objects().length, made.expected.size);
    for (const object of store.objects()) {
      const body = made.expected.get(`${object.bucket}/${object.key}`) as Buffer;
      let lost = 0;
      for await (const { offset, size, bytes } of object.pieces()) {
        if (bytes === null) lost += size;
        else t.true(bytes.equals(body.subarray(offset, offset + size)));
      }
      // Parts of an object may be small though it is large.
      t.is(
        lost > 0,
        ['large', 'stripe', 'one-chunk-more', 'copy', 'log', 'parts', 'big'].includes(object.key),
      );
      if (lost > 0) await t.throwsAsync(bodyOf(object), { code: 'STORE_CORRUPT' });
    }
  }
});

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

test('rot all over one zone costs nothing', async (t) => {
  const disks = await copyOf(t);
  for (const file of await filesBelow(disks.zones[1] as string)) {
    const bytes = await readFile(file);
    for (let at = 100; at < bytes.length; at += 997) bytes[at] = (bytes[at] as number) ^ 0x10;
    await writeFile(file, bytes);
  }
  const store = await expectAll(t, disks.zones, disks);
  t.true(store.findings.length > 0);
  t.true(store.findings.every(({ zone }) => zone === disks.zones[1]));
});

test('a zone without its superblock is read all the same', async (t) => {
  const disks = await copyOf(t);
  await rm(join(disks.zones[0] as string, 'superblock'));
  const store = await expectAll(t, [disks.zones[2] as string, disks.zones[0] as string], disks);
  t.is(store.findings.length, 1);
});

/** Changes the zone's first cell of each large blob; `fit`: its checksum, too. */
async function changeCells(zone: string, fit: boolean): Promise<number> {
  const files = await filesBelow(join(zone, 'blob'));
  for (const file of files) {
    const bytes = await readFile(file);
    const { header, placement, k, m } = readPreamble(bytes);
    const rotation = header.blobId.readUInt32LE() % 3;
    const first = ((Number(zone.at(-1)) - 1 - rotation + 3) % 3) * ((k + m) / 3);
    const cell = bytes.subarray(4096, 4096 + 65_552);
    cell[9] = (cell[9] as number) ^ 1;
    const crc = cellChecksum(header, placement, first, cell);
    if (fit) bytes.writeBigUInt64LE(crc, 4096 + 65_552);
    await writeFile(file, bytes);
  }
  return files.length;
}

test('a forged cell with a checksum that fits is done without, beside a rotten one', async (t) => {
  const disks = await copyOf(t);
  t.true((await changeCells(disks.zones[2] as string, true)) > 3);
  await changeCells(disks.zones[0] as string, false);
  await expectAll(t, disks.zones, disks);
});

test('a record that no zone has any more is a hole, and the rest is told', async (t) => {
  const disks = await copyOf(t);
  let broken = 0n;
  for (const zone of disks.zones) {
    const path = join(zone, 'log', '00000001.seg');
    const bytes = await readFile(path);
    // The third batch: a bucket's row stands in the first of a commit.
    const starts: number[] = [];
    for (
      let at = 4096;
      bytes.toString('latin1', at, at + 8) === 'SRBATCH1';
      at += bytes.readUInt32LE(at + 28)
    )
      starts.push(at);
    const at = starts[3] as number;
    broken = bytes.readBigUInt64LE(at + 48);
    bytes[at + bytes.readUInt32LE(at + 32) + 30] = 0;
    await writeFile(path, bytes);
  }
  const store = await rescueStore(disks.zones, { rootKey: disks.rootKey });
  t.deepEqual(store.losses.holes, [{ from: broken, to: broken + 1n }]);
  t.true(store.objects().length >= disks.expected.size - 1);
});

/** Breaks the body of the last put in a zone, whose batch stands first behind its epoch. */
async function tearLast(zone: string): Promise<void> {
  const [path] = (await filesBelow(join(zone, 'log'))).sort().slice(-1) as [string];
  const bytes = await readFile(path);
  const at = 4096 + bytes.readUInt32LE(4096 + 28) + 80 + 112;
  bytes[at] = (bytes[at] as number) ^ 1;
  await writeFile(path, bytes);
}

test('the last batch counts while any zone holds it whole, and not after that', async (t) => {
  const disks = await copyOf(t);
  const [first, second, third] = disks.zones as [string, string, string];
  for (const zone of [first, third]) await tearLast(zone);
  await expectAll(t, disks.zones, disks);
  await tearLast(second); // As a power cut leaves it: nobody was told of that put.
  disks.expected = new Map(disks.expected);
  disks.expected.delete('docs/later');
  await expectAll(t, disks.zones, disks);
});

test('it works where no addon loads', async (t) => {
  const out = join(await temporaryFolder(t), 'saved');
  const program = `
    process.dlopen = () => { throw new Error('an addon is loaded'); };
    const [from, zones, out, rootKey] = JSON.parse(process.argv[1]);
    const { rescue } = await import(from);
    console.log((await rescue(zones, out, { rootKey })).objects);`;
  const from = new URL('../../dist/rescue/rescue.js', import.meta.url).href;
  const told = JSON.stringify([from, made.zones, out, made.rootKey]);
  const args = ['--input-type=module', '--eval', program, told];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  t.is(stdout, `${made.expected.size}\n`);
});

test('files: every key below OUT, whatever it is called, and a manifest', async (t) => {
  const out = join(await temporaryFolder(t), 'saved');
  const seen: number[] = [];
  const report = await rescue(made.zones, out, {
    rootKey: made.rootKey,
    onBytes: (done) => void seen.push(done),
  });
  t.like(report, {
    objects: made.expected.size,
    buckets: 3,
    damaged: [],
    findings: [],
    losses: nothing,
  });
  t.is(seen.at(-1), report.bytes);
  t.deepEqual(await readdir(join(out, '..')), ['saved']);
  const lines = (await readFile(join(out, 'manifest.jsonl'), 'utf8')).trim().split('\n');
  t.is(lines.length, made.expected.size);
  for (const line of lines.map((text) => JSON.parse(text))) {
    const bytes = await readFile(join(out, line.file));
    t.true(bytes.equals(made.expected.get(`${line.bucket}/${line.key}`) as Buffer), line.key);
    t.is(Math.round((await stat(join(out, line.file))).mtimeMs), Date.parse(line.modified));
    t.regex(
      line.file,
      line.key === '../../up' ? /^docs\/%[0-9a-f]{32}$/ : /^(docs|other-bucket|versions)\//,
    );
    if (line.key === 'link') t.is(line.symlinkTarget, 'small');
    if (line.key === 'described')
      t.like(line, { contentType: 'text/plain', metadata: { note: 'n' }, tags: { t: 'v' } });
  }
  await t.throwsAsync(rescue(made.zones, out, { rootKey: made.rootKey }), {
    code: 'InvalidArgument',
  });
});

test('files: what is lost is zeros in a file that says so', async (t) => {
  const out = join(await temporaryFolder(t), 'saved');
  const report = await rescue(made.zones.slice(1, 2), out, { rootKey: made.rootKey });
  const line = report.damaged.find(({ key }) => key === 'large');
  t.is(line?.file, 'docs/large.damaged');
  const bytes = await readFile(join(out, 'docs/large.damaged'));
  t.is(bytes.length, large.length);
  let at = 0;
  for (const { offset, size } of line?.lost ?? []) {
    t.true(bytes.subarray(at, offset).equals(large.subarray(at, offset)));
    t.true(bytes.subarray(offset, offset + size).every((byte) => byte === 0));
    at = offset + size;
  }
  t.true(bytes.subarray(at).equals(large.subarray(at)));
});

async function fingerprint(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of (await filesBelow(folder)).sort()) {
    const { mtimeMs, ctimeMs } = await stat(file);
    hash.update(`${file} ${mtimeMs} ${ctimeMs}`).update(await readFile(file));
  }
  return hash.digest('hex');
}

test('not one byte of the zones is written', async (t) => {
  const before = await fingerprint(made.folder);
  await rescue(made.zones, join(await temporaryFolder(t), 'out'), { rootKey: made.rootKey });
  t.is(await fingerprint(made.folder), before);
});

test('what cannot be: another key, another store, no store, an abort', async (t) => {
  const rootKey = (): Uint8Array => randomBytes(32);
  await t.throwsAsync(rescueStore(made.zones, { rootKey }), { code: 'WRONG_ROOT_KEY' });
  const empty = await temporaryFolder(t);
  await t.throwsAsync(rescueStore([empty, join(empty, 'none')], made), {
    code: 'ZONE_UNAVAILABLE',
  });
  const other = join(empty, 'other');
  await (await open(other, { zones: 1, rootKey: made.rootKey })).close();
  const mixed = [...made.zones.slice(0, 2), join(other, 'zone-1')];
  await t.throwsAsync(rescueStore(mixed, made), { code: 'ZONE_FOREIGN' });
  const signal = AbortSignal.abort();
  await t.throwsAsync(rescueStore(made.zones, { ...made, signal }), { code: 'ABORTED' });
});

test('a store of one zone with a passphrase', async (t) => {
  const folder = join(await temporaryFolder(t), 'data');
  const rootKey = { passphrase: 'correct horse' };
  const store = await open(folder, { zones: 1, rootKey });
  await store.bucket('docs').put('large', large);
  await store.bucket('docs').put('small', 'text');
  await store.close();
  const rescued = await rescueStore([join(folder, 'zone-1')], { rootKey });
  const bodies = await Promise.all(rescued.objects().map(bodyOf));
  t.deepEqual(bodies, [large, Buffer.from('text')]);
});

test('noise in the place of every file is findings, not the end', async (t) => {
  const disks = await copyOf(t);
  const noisy = disks.zones[0] as string;
  for (const file of await filesBelow(noisy)) await writeFile(file, randomBytes(20_000));
  await mkdir(join(noisy, 'log', 'ffffffff.seg'));
  await expectAll(t, disks.zones, disks);
});
