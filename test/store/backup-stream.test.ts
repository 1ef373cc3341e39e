// A backup as a stream: the system's tar makes a store of it, one that was cut short makes none,
// and whatever goes wrong leaves neither a spool nor a stream that looks whole.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import {
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { open, openMemory, type Store, StoreError } from '../../lib/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const large = randomBytes(2_000_000);

interface Places {
  readonly store: Store;
  readonly rootKey: { file: string };
  readonly folder: string;
  readonly archive: string;
}

async function filledStore(t: ExecutionContext): Promise<Places> {
  const folder = await temporaryFolder(t);
  const store = await open(join(folder, 'data'), { zones: 3 });
  t.teardown(() => store.close());
  await store.bucket('docs').put('large', large);
  await store.bucket('docs').put('small', 'text', { metadata: { kind: 'note' } });
  const rootKey = { file: join(folder, 'data.rootkey') };
  return { store, rootKey, folder, archive: join(folder, 'backup.tar') };
}

async function extracted(archive: string, into: string, tolerant = false): Promise<void> {
  await mkdir(into);
  try {
    execFileSync('tar', ['-xf', archive, '-C', into], { stdio: 'pipe' });
  } catch (error) {
    if (!tolerant) throw error;
  }
}

async function refusal(call: Promise<unknown>): Promise<string | null> {
  try {
    await call;
    return null;
  } catch (error) {
    return StoreError.is(error) ? error.code : String(error);
  }
}

async function spoolsIn(place: string): Promise<string[]> {
  return (await readdir(place)).filter((name) => name.startsWith('backup-spool-'));
}

/** Takes `limit` bytes and then no more; or fails there. */
function slowEater(limit: number, failure?: Error): Writable {
  let eaten = 0;
  return new Writable({
    write(bytes, _encoding, done) {
      eaten += bytes.length;
      if (eaten < limit) done();
      else if (failure) done(failure);
    },
  });
}

test('an archive extracts to a store that opens and is whole', async (t) => {
  const { store, rootKey, folder, archive } = await filledStore(t);
  const loaded: number[] = [];
  const { sequence, bytes } = await store.backup(createWriteStream(archive), {
    onProgress: (progress) => loaded.push(progress.loaded),
  });
  t.is(sequence, (await store.health.status()).sequence);
  t.is(bytes, (await stat(archive)).size);
  t.true((loaded.at(-1) ?? 0) > bytes);
  await store.bucket('docs').put('later', 'x');
  t.deepEqual(await spoolsIn(join(folder, 'data')), []);

  const restored = join(folder, 'restored');
  await extracted(archive, restored);
  await using copy = await open(restored, { zones: 1, rootKey });
  t.deepEqual(Buffer.from((await (await copy.bucket('docs').get('large'))?.bytes()) ?? []), large);
  t.like(await copy.bucket('docs').head('small'), { metadata: { kind: 'note' } });
  t.is(await copy.bucket('docs').get('later'), null);
  t.like(await copy.health.verify({ deep: true }), { found: 0 });
});

test('an archive that was cut short extracts to no store', async (t) => {
  const { store, rootKey, folder, archive } = await filledStore(t);
  const { bytes } = await store.backup(createWriteStream(archive));
  const whole = await readFile(archive);
  const superblock = whole.lastIndexOf('zone-1/superblock', undefined, 'latin1');
  for (const [i, size] of [0, 512, Math.floor(bytes / 2), superblock - 512, superblock].entries()) {
    await writeFile(archive, whole);
    await truncate(archive, size);
    const into = join(folder, `cut-${i}`);
    await extracted(archive, into, true);
    t.is(await refusal(open(into, { zones: 1, rootKey, create: false })), 'ZONE_UNAVAILABLE');
  }
  await truncate(archive, superblock + 512 + 100);
  const into = join(folder, 'cut-within');
  await extracted(archive, into, true);
  t.not(await refusal(open(into, { zones: 1, rootKey, create: false })), null);
});

test('a receiver that fails is told back, destroyed, and leaves no spool', async (t) => {
  const { store, folder } = await filledStore(t);
  const dest = slowEater(1_000_000, new Error('the line went dead'));
  t.is(await refusal(store.backup(dest)), 'Error: the line went dead');
  t.true(dest.destroyed);
  t.deepEqual(await spoolsIn(join(folder, 'data')), []);
  t.like(await store.health.verify(), { found: 0 });
});

test('one that is aborted destroys the stream', async (t) => {
  const { store, folder } = await filledStore(t);
  const before = new PassThrough();
  t.is(await refusal(store.backup(before, { signal: AbortSignal.abort() })), 'ABORTED');
  t.false(before.destroyed); // Nothing was sent: it is still the caller's.

  const controller = new AbortController();
  const dest = slowEater(1_000_000);
  const onProgress = (): void => {
    if (dest.writableLength > 0) controller.abort();
  };
  const timer = setInterval(onProgress, 5);
  t.is(await refusal(store.backup(dest, { signal: controller.signal })), 'ABORTED');
  clearInterval(timer);
  t.true(dest.destroyed);
  t.deepEqual(await spoolsIn(join(folder, 'data')), []);
});

test('a store that closes interrupts an archive that nobody takes', async (t) => {
  const { store, folder } = await filledStore(t);
  const dest = slowEater(1_000_000);
  const running = refusal(store.backup(dest));
  while (dest.writableLength === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await store.close();
  t.is(await running, 'STORE_CLOSED');
  t.true(dest.destroyed);
  t.deepEqual(await spoolsIn(join(folder, 'data')), []);
});

test('a spool that a crash left goes, one that somebody claims stays', async (t) => {
  const { store, folder, archive } = await filledStore(t);
  const place = join(folder, 'elsewhere', 'spools');
  const [dead, alive] = [join(place, 'backup-spool-dead01'), join(place, 'backup-spool-alive1')];
  await mkdir(dead, { recursive: true });
  await writeFile(join(dead, 'left-over'), 'x');
  await mkdir(alive);
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  await utimes(dead, longAgo, longAgo);
  await store.backup(createWriteStream(archive), { spool: place });
  t.deepEqual(await readdir(place), ['backup-spool-alive1']);
});

test('a receiver that fails before anything is sent is told back, and ends nothing', async (t) => {
  const { store, folder } = await filledStore(t);
  const nowhere = createWriteStream(join(folder, 'no', 'such', 'folder.tar'));
  t.regex((await refusal(store.backup(nowhere))) ?? '', /ENOENT/);
  const gone = new PassThrough();
  const running = refusal(store.backup(gone));
  setImmediate(() => gone.destroy(new Error('reset by its peer')));
  t.is(await running, 'Error: reset by its peer');
  t.deepEqual(await spoolsIn(join(folder, 'data')), []);
});

test('what fails while it is sent keeps no file of the spool open', async (t) => {
  const { store, folder } = await filledStore(t);
  for (let i = 0; i < 4; i++)
    await refusal(store.backup(slowEater(100_000 + i * 400_000, new Error('enough'))));
  if (process.platform !== 'linux') return t.pass();
  const links = (await readdir('/proc/self/fd')).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => ''),
  );
  const open = (await Promise.all(links)).filter((path) => path.startsWith(join(folder, 'data')));
  t.deepEqual(
    open.filter((path) => path.includes('backup-spool-')),
    [],
  );
});

test('a response of an HTTP server is sent one', async (t) => {
  const { store, rootKey, folder, archive } = await filledStore(t);
  const server = createServer((_request, response) => {
    store.backup(response).catch(() => {});
  });
  server.listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/`);
  await writeFile(archive, Buffer.from(await response.arrayBuffer()));
  await extracted(archive, join(folder, 'restored'));
  await using copy = await open(join(folder, 'restored'), { zones: 1, rootKey, readOnly: true });
  t.like(await copy.bucket('docs').head('large'), { size: large.length });
});

test('a store that closes while the spool is made leaves none', async (t) => {
  for (let wait = 0; wait < 5; wait++) {
    const { store, folder } = await filledStore(t);
    const running = refusal(store.backup(new PassThrough()));
    await new Promise((resolve) => setTimeout(resolve, wait * 8));
    await store.close();
    t.is(await running, 'STORE_CLOSED');
    t.deepEqual(await spoolsIn(join(folder, 'data')), []);
  }
});

test('a store that is open for reading writes no spool of its own', async (t) => {
  const { store, rootKey, folder, archive } = await filledStore(t);
  await store.close();
  await using reader = await open(join(folder, 'data'), { zones: 3, rootKey, readOnly: true });
  t.is(await refusal(reader.backup(new PassThrough())), 'InvalidArgument');
  t.is(await refusal(reader.backup(createWriteStream(archive), { spool: folder })), null);
});

test('two at once are two archives', async (t) => {
  const { store, rootKey, folder } = await filledStore(t);
  const archives = [join(folder, 'one.tar'), join(folder, 'two.tar')];
  await Promise.all(archives.map((archive) => store.backup(createWriteStream(archive))));
  for (const archive of archives) {
    await extracted(archive, `${archive}.d`);
    await using copy = await open(`${archive}.d`, { zones: 1, rootKey, readOnly: true });
    t.like(await copy.bucket('docs').head('large'), { size: large.length });
  }
});

test('what is no stream, no spool or no store for it is refused', async (t) => {
  const { store, folder } = await filledStore(t);
  const ended = new PassThrough();
  ended.end();
  t.is(await refusal(store.backup(ended)), 'InvalidArgument');
  t.is(await refusal(store.backup(new PassThrough(), { spool: '' })), 'InvalidArgument');
  const inZone = join(folder, 'data', 'zone-1');
  t.is(await refusal(store.backup(new PassThrough(), { spool: inZone })), 'InvalidArgument');
  t.deepEqual(await spoolsIn(inZone), []);
  const file = join(folder, 'file');
  await writeFile(file, 'x');
  t.is(await refusal(store.backup(new PassThrough(), { spool: file })), 'STORE_IO');
  const toFolder = store.backup(join(folder, 'backup'), { spool: folder });
  t.is(await refusal(toFolder), 'InvalidArgument');
  await t.throwsAsync(store.backup(new WritableStream() as never), { instanceOf: TypeError });

  await using memory = await openMemory();
  t.is(await refusal(memory.backup(new PassThrough())), 'InvalidArgument');
});
