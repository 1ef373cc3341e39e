// The rescue reader over disks that somebody has prepared, or that fail in ways that mislead: what
// is right is told, what is not is said to be wrong, and one zone cannot speak for the others.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { open } from '../../lib/index.ts';
import { readPreamble } from '../../lib/rescue/large-blob.ts';
import { cellChecksum } from '../../lib/rescue/log.ts';
import { type Extracted, type RescueReport, rescue } from '../../lib/rescue/rescue.ts';
import { loadXxh64, xxh64 } from '../../lib/rescue/xxh64.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const large = randomBytes(9 * 65_536);

test.before(() => loadXxh64());

class Disks {
  readonly folder: string;
  readonly rootKey: { passphrase: string } | { file: string };

  constructor(folder: string, rootKey: Disks['rootKey']) {
    this.folder = folder;
    this.rootKey = rootKey;
  }
  zone(number: number): string {
    return join(this.folder, `zone-${number}`);
  }
  get zones(): string[] {
    return [1, 2, 3].map((number) => this.zone(number));
  }
  /** The newest segment of a zone's log. */
  async segment(number: number): Promise<string> {
    const names = (await readdir(join(this.zone(number), 'log'))).sort();
    return join(this.zone(number), 'log', names.at(-1) as string);
  }
  async copy(t: ExecutionContext): Promise<Disks> {
    const folder = join(await temporaryFolder(t), 'data');
    await cp(dirname(this.folder), dirname(folder), { recursive: true });
    const isFile = 'file' in this.rootKey;
    return new Disks(folder, isFile ? { file: `${folder}.rootkey` } : this.rootKey);
  }
  open(zones: string[] = this.zones) {
    return open(this.folder, { zones: zones as [string, string, string], rootKey: this.rootKey });
  }
}

async function threeZones(t: ExecutionContext, options = {}, passphrase?: string): Promise<Disks> {
  const folder = join(await temporaryFolder(t), 'data');
  const disks = new Disks(folder, passphrase ? { passphrase } : { file: `${folder}.rootkey` });
  const given = passphrase ? { rootKey: disks.rootKey } : {};
  const store = await open(folder, { zones: 3, ...options, ...given });
  await store.bucket('docs').put('large', large);
  await store.bucket('docs').put('small', 'text');
  await store.close();
  return disks;
}

async function oneZone(t: ExecutionContext, keys: readonly string[]): Promise<Disks> {
  const folder = join(await temporaryFolder(t), 'data');
  const disks = new Disks(folder, { file: `${folder}.rootkey` });
  const store = await open(folder, { zones: 1 });
  for (const key of keys) await store.bucket('docs').put(key, `the body of ${key}`.repeat(50));
  await store.close();
  return disks;
}

interface Told {
  readonly report: RescueReport;
  readonly lines: Extracted[];
  read(key: string): Promise<Buffer>;
}

async function tell(t: ExecutionContext, disks: Disks, zones = disks.zones): Promise<Told> {
  const out = join(await temporaryFolder(t), 'out');
  const report = await rescue(zones, out, { rootKey: disks.rootKey });
  const text = (await readFile(join(out, 'manifest.jsonl'), 'utf8')).trim();
  const lines = text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Extracted);
  const fileOf = (key: string) => lines.find((line) => line.key === key)?.file as string;
  return { report, lines, read: (key) => readFile(join(out, fileOf(key))) };
}

async function change(path: string, how: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  how(bytes);
  await writeFile(path, bytes);
}

function flip(bytes: Buffer, at: number): void {
  bytes[at] = (bytes[at] as number) ^ 1;
}

/** Where the batches of a segment begin. */
function batchesIn(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 4096; at < bytes.length; at += 4096)
    if (bytes.toString('latin1', at, at + 8) === 'SRBATCH1') starts.push(at);
  return starts;
}

/** Changes both slots of a zone so that their checksums fit: `how` gets the body. */
function forgeSlots(zone: string, how: (body: Buffer, slot: Buffer) => void): Promise<void> {
  return change(join(zone, 'superblock'), (bytes) => {
    for (const slot of [bytes.subarray(0, 4096), bytes.subarray(4096, 8192)]) {
      if (slot.toString('latin1', 0, 8) !== 'SRSUPER1') continue;
      const body = slot.subarray(24, 24 + slot.readUInt32LE(12));
      how(body, slot);
      slot.writeBigUInt64LE(xxh64(body, slot.readBigUInt64LE(8)), 16);
    }
  });
}

for (const [what, how] of [
  ['its zone count', (body) => void body.writeUInt8(200, 41)],
  ['its store id', (body) => flip(body, 10)],
  ['its position', (body) => flip(body, 46)],
  ['its version', (_, slot) => void slot.writeUInt32LE(7, 8)],
] as [string, (body: Buffer, slot: Buffer) => void][])
  test(`a superblock that is forged in one zone costs nothing: ${what}`, async (t) => {
    const disks = await threeZones(t);
    await forgeSlots(disks.zone(1), how);
    const { report, read } = await tell(t, disks);
    t.deepEqual(report.damaged, []);
    t.true((await read('large')).equals(large));
    t.true(report.findings.some(({ zone }) => zone === disks.zone(1)));
  });

test('a store of a later format is said to be one', async (t) => {
  const disks = await threeZones(t);
  for (const zone of disks.zones)
    await forgeSlots(zone, (_, slot) => void slot.writeUInt32LE(7, 8));
  await t.throwsAsync(tell(t, disks), { code: 'STORE_VERSION' });
});

test('a salt that is forged in one zone does not make the passphrase wrong', async (t) => {
  const disks = await threeZones(t, {}, 'correct horse');
  await forgeSlots(disks.zone(1), (body) => flip(body, 60 + 4 + 10));
  const { report } = await tell(t, disks);
  t.like(report, { objects: 2, damaged: [] });
});

test('a zone that forges its cells in a wide geometry costs nothing', async (t) => {
  const whole = await threeZones(t, { geometry: { large: '8+4' } });
  for (const number of [1, 2, 3]) {
    const disks = await whole.copy(t);
    const blobs = join(disks.zone(number), 'blob');
    for (const name of await readdir(blobs, { recursive: true }))
      if (/\.\d+$/.test(name))
        await change(join(blobs, name), (bytes) => {
          const { header, placement } = readPreamble(bytes);
          const first = ((number - 1 - (header.blobId.readUInt32LE() % 3) + 3) % 3) * 4;
          for (let i = 0, at = 4096; i < 4 && at + 65_560 <= bytes.length; i++, at += 65_560) {
            const cell = bytes.subarray(at, at + 65_552);
            flip(cell, 9);
            bytes.writeBigUInt64LE(cellChecksum(header, placement, first + i, cell), at + 65_552);
          }
        });
    const { report, read } = await tell(t, disks);
    t.deepEqual(report.damaged, [], `zone ${number}`);
    t.true((await read('large')).equals(large));
  }
});

// The story: the last batches each had a rotten cell, and one after the other was taken for torn.
test('rot in the last batches costs the newest of them at most, and is said', async (t) => {
  const disks = await oneZone(t, ['a', 'b', 'c', 'd', 'e', 'f']);
  await change(await disks.segment(1), (bytes) => {
    for (const at of batchesIn(bytes).slice(-3)) flip(bytes, at + 80 + 112);
  });
  const { report } = await tell(t, disks, [disks.zone(1)]);
  t.is(report.objects, 5);
  t.deepEqual(report.damaged.map(({ key }) => key).sort(), ['d', 'e']);
  t.regex(report.findings.map(({ what }) => what).join(), /the last batch, .* is left out/);
});

// The story: the commit of a part was lost, and the parts behind it slid forward; or it had
// replaced another one, which came back.
test('an object of parts whose rows are not its own is not told as whole', async (t) => {
  const folder = join(await temporaryFolder(t), 'data');
  const disks = new Disks(folder, { file: `${folder}.rootkey` });
  const store = await open(folder, { zones: 1 });
  const upload = await store.bucket('docs').upload('film');
  const part = (letter: string) => Buffer.alloc(102_400, letter);
  const batches = async () => batchesIn(await readFile(await disks.segment(1))).length;
  const first = await upload.part(1, part('A'));
  const second = await batches();
  await upload.part(2, part('B'));
  const third = await upload.part(3, part('C'));
  const again = await batches();
  const replaced = await upload.part(2, part('b'));
  await upload.complete([first, replaced, third]);
  await store.bucket('docs').put('last', 'text');
  await store.close();
  for (const losing of [[again], [second, again]]) {
    const copy = await disks.copy(t);
    await change(await copy.segment(1), (bytes) => {
      const starts = batchesIn(bytes);
      for (const at of losing.map((batch) => starts[batch] as number))
        flip(bytes, at + bytes.readUInt32LE(at + 32) + 30);
    });
    const { report, lines } = await tell(t, copy, [copy.zone(1)]);
    t.is(report.losses.holes.length, losing.length);
    t.like(
      lines.find(({ key }) => key === 'film'),
      { file: 'docs/film.damaged', unproved: true },
    );
    t.is(report.damaged.length, 1);
  }
});

test('a store that was copied and lived on twice is told to be a fork', async (t) => {
  const disks = await threeZones(t);
  const other = await disks.copy(t);
  for (const [each, opens] of [
    [disks, 1],
    [other, 2],
  ] as const)
    for (let i = 0; i < opens; i++) {
      const store = await each.open();
      for (const name of ['x', 'y', 'z']) await store.bucket('docs').put(`${name}${i}`, 'text');
      await store.close();
    }
  const { report } = await tell(t, disks, [disks.zone(1), disks.zone(2), other.zone(3)]);
  t.true(report.losses.forked >= 3);
  t.true(report.findings.some(({ what }) => what.includes('fork')));
});

test('a size that a header claims hides nothing behind it', async (t) => {
  const disks = await oneZone(t, ['a', 'b', 'c', 'd', 'e', 'f']);
  await change(await disks.segment(1), (bytes) => {
    const at = batchesIn(bytes)[3] as number;
    bytes.writeUInt32LE(8 << 20, at + 28);
    bytes.writeBigUInt64LE(xxh64(bytes.subarray(at, at + 72)), at + 72);
  });
  t.is((await tell(t, disks, [disks.zone(1)])).report.objects, 6);
});

test('a segment full of claims is given up in time', async (t) => {
  const disks = await threeZones(t);
  const file = Buffer.alloc(8 << 20);
  for (let at = 4096; at < file.length; at += 4096) {
    const size = Math.min(file.length - at, 16 << 20);
    file.write('SRBATCH1', at, 'latin1');
    for (const [offset, value] of [
      [24, at],
      [28, size],
      [32, 80],
      [36, size - 80],
    ] as const)
      file.writeUInt32LE(value, at + offset);
    file.writeBigUInt64LE(xxh64(file.subarray(at, at + 72)), at + 72);
  }
  await writeFile(join(disks.zone(1), 'log', '0000ff00.seg'), file);
  const { report } = await tell(t, disks);
  t.is(report.objects, 2);
  t.true(report.findings.length < 30);
});

test('a pipe in the place of a segment is not waited for', async (t) => {
  const disks = await threeZones(t);
  await promisify(execFile)('mkfifo', [join(disks.zone(2), 'log', '0000fffe.seg')]);
  t.is((await tell(t, disks)).report.objects, 2);
});

test('segments that cannot be listed are told, and the others are read', async (t) => {
  const disks = await threeZones(t);
  await writeFile(join(disks.zone(2), 'log.ready'), '');
  const { report } = await tell(t, disks);
  t.is(report.objects, 2);
  t.true(report.findings.some(({ what }) => what.startsWith('log.ready:')));
});

test('a lost epoch record is no hole, since no commit is lost with it', async (t) => {
  const disks = await oneZone(t, ['a']);
  const store = await open(disks.folder, { zones: 1 });
  await store.bucket('docs').put('b', 'text');
  await store.close();
  await change(await disks.segment(1), (bytes) => {
    flip(bytes, 4096 + bytes.readUInt32LE(4096 + 32) + 30);
  });
  const { report } = await tell(t, disks, [disks.zone(1)]);
  t.like(report, { objects: 2, losses: { holes: [] } });
});

test('zones without superblocks are told by their cells', async (t) => {
  const disks = await threeZones(t);
  await rm(join(disks.zone(1), 'superblock'));
  await rm(join(disks.zone(3), 'superblock'));
  const [first, second, third] = disks.zones as [string, string, string];
  for (const zones of [
    [first, second, third],
    [third, second, first],
    [third, first, second],
    [second, second, third],
  ])
    t.deepEqual((await tell(t, disks, zones)).report.damaged, []);
});

test('what is unfinished never bears the name of an object', async (t) => {
  const disks = await threeZones(t);
  const out = join(await temporaryFolder(t), 'out');
  const stop = new AbortController();
  const onBytes = (done: number): void => {
    if (done > 65_536) stop.abort();
  };
  const options = { rootKey: disks.rootKey, signal: stop.signal, onBytes };
  await t.throwsAsync(rescue(disks.zones, out, options), { code: 'ABORTED' });
  t.deepEqual(await readdir(out), ['manifest.jsonl']);
});

// A disk that gives EIO for one block: read through a library that refuses it. Reads can be refused
// from outside so on Linux only.
const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a block that cannot be read costs that block', async (t) => {
  const folder = await temporaryFolder(t);
  const source = join(folder, 'eio.c');
  const library = join(folder, 'eio.so');
  await writeFile(source, refusing);
  const compile = ['-shared', '-fPIC', '-o', library, source, '-ldl'];
  await promisify(execFile)(process.env.CC ?? 'cc', compile);
  const disks = await oneZone(t, ['a', 'b', 'c', 'd', 'e', 'f']);
  const segment = await disks.segment(1);
  const at = batchesIn(await readFile(segment))[3] as number;
  const program = `
    const [from, zones, out, rootKey] = JSON.parse(process.argv[1]);
    const { rescue } = await import(from);
    const { objects, losses, findings } = await rescue(zones, out, { rootKey });
    console.log(JSON.stringify({ objects, unreadable: losses.unreadable, findings }));`;
  const from = new URL('../../dist/rescue/rescue.js', import.meta.url).href;
  const told = [from, [disks.zone(1)], join(folder, 'out'), disks.rootKey];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program, JSON.stringify(told)],
    { env: { ...process.env, LD_PRELOAD: library, FAIL_IN: segment.slice(-12), FAIL_AT: `${at}` } },
  );
  const { objects, unreadable, findings } = JSON.parse(stdout);
  t.is(objects, 5, stdout);
  t.is(unreadable.length, 1);
  t.regex(findings[0].what, /1 blocks cannot be read/);
});

const refusing = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static ssize_t (*real)(int, void *, size_t, off_t);
ssize_t pread64(int fd, void *to, size_t size, off_t at) {
  if (!real) real = dlsym(RTLD_NEXT, "pread64");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  const char *name = getenv("FAIL_IN");
  off_t bad = atoll(getenv("FAIL_AT"));
  if (n > 0 && (path[n] = 0, strstr(path, name)) && at <= bad && bad < at + (off_t)size) {
    errno = EIO;
    return -1;
  }
  return real(fd, to, size, at);
}
ssize_t pread(int fd, void *to, size_t size, off_t at) { return pread64(fd, to, size, at); }
`;
