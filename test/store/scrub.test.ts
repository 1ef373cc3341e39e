// The scrub: what rots, goes or is changed in one zone of an open store is healed by itself, what
// nobody can heal is told, nothing else is touched, and it ends whenever it is told to.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { appendFile, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { Events } from '../../lib/context/events.ts';
import { StoreContext } from '../../lib/context/store-context.ts';
import { MemoryEngine } from '../../lib/engine/memory-engine.ts';
import type { StorageEngine, Verifying } from '../../lib/engine/storage-engine.ts';
import { StoreError } from '../../lib/errors.ts';
import { open, openMemory, type ScrubStatus, type Store } from '../../lib/index.ts';
import { Scrub } from '../../lib/store/scrub.ts';
import { found, rejection } from '../suite/support.ts';
import { builtIndex } from '../support/built-package.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { filesIn, flip, forgeFirstCell } from '../support/zone-files.ts';

const large = randomBytes(900_000);
/** A byte a second: a round that never ends. */
const forEver = { bytesPerSecond: 1 };
const fast = { bytesPerSecond: 2 ** 40 };

async function storeOf(t: ExecutionContext, zones: 1 | 3): Promise<{ store: Store; path: string }> {
  const path = join(await temporaryFolder(t), 'data');
  const store = await open(path, { zones });
  t.teardown(() => store.close());
  const docs = store.bucket('docs');
  for (let i = 0; i < 20; i++) await docs.put(`small/${i}`, `text ${i}`);
  for (let i = 0; i < 6; i++) await docs.put(`large/${i}`, large);
  return { store, path };
}

/** Once its first round is over. */
async function scrubbed(store: Store): Promise<ScrubStatus> {
  for (;;) {
    const { scrub } = await store.health.status();
    if (scrub === null) throw new Error('it does not run');
    if (scrub.rounds > 0 || scrub.failure !== null) return scrub;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function contents(files: readonly string[]): Promise<Buffer[]> {
  return Promise.all(files.map((file) => readFile(file)));
}

test('every kind of damage to one zone is healed, and nothing else changes', async (t) => {
  const { store, path } = await storeOf(t, 3);
  for (const zone of [1, 2, 3]) {
    const folder = join(path, `zone-${zone}`);
    const truth = [1, 2, 3].map((each) => join(path, `zone-${each}`));
    const files = (
      await Promise.all(
        truth.flatMap((each) => [filesIn(join(each, 'log')), filesIn(join(each, 'blob'))]),
      )
    ).flat();
    const before = await contents(files);
    const [log = ''] = await filesIn(join(folder, 'log'));
    const blobs = await filesIn(join(folder, 'blob'));
    const [rotten = '', gone = '', short = '', longer = '', preamble = '', forged = ''] = blobs;
    await flip(log, 20); // The segment's own header,
    await flip(log, 3 * 4096 + 20); // a batch's,
    await flip(log, 5 * 4096 + 100); // and what a batch holds.
    await flip(rotten, 100_000);
    await rm(gone);
    await truncate(short, 4096 + 70_000);
    await appendFile(longer, Buffer.alloc(4096, 1));
    await flip(preamble, 60);
    await forgeFirstCell(forged);
    await store.health.scrub(fast);
    const { found: seen, healed, failure, checkedBytes } = await scrubbed(store);
    await store.health.scrub('pause');
    t.is(failure, null);
    t.true(healed >= 8, `${healed} of ${seen} healed`);
    t.true(checkedBytes > (3 * 6 * large.length) / 2);
    t.like(await store.health.verify({ deep: true }), { found: 0 });
    const after = await contents(files);
    for (const [i, bytes] of before.entries())
      t.true(bytes.equals(after[i] ?? Buffer.alloc(0)), files[i]);
    t.true((await filesIn(join(folder, 'quarantine'))).length >= 7);
  }
  const body = await found(store.bucket('docs').get('large/3'));
  t.true(Buffer.from(await body.bytes()).equals(large));
});

test('what no zone has right is told, and left as it is', async (t) => {
  const { store, path } = await storeOf(t, 1);
  const [file = ''] = await filesIn(join(path, 'zone-1', 'blob'));
  await flip(file, 200_000);
  const before = await readFile(file);
  const events: string[] = [];
  const listen = (event: unknown): void => {
    const { type, path: of } = event as { type: string; path: string };
    if (of === store.path) events.push(type);
  };
  channel('strongroom:event').subscribe(listen);
  t.teardown(() => channel('strongroom:event').unsubscribe(listen));
  await store.health.scrub(fast);
  const { found: seen, healed, lastFinding } = await scrubbed(store);
  t.true(seen > 0);
  t.is(healed, 0);
  t.false(lastFinding?.healed);
  t.true(events.includes('rot'));
  t.true((await readFile(file)).equals(before));
  t.deepEqual(await filesIn(join(path, 'zone-1', 'quarantine')), []);
});

test('it is stopped amid a round by a pause, by another call, and by the close', async (t) => {
  const { store, path } = await storeOf(t, 3);
  t.is((await store.health.status()).scrub, null);
  await store.health.scrub('pause');
  await store.health.scrub(forEver);
  t.like((await store.health.status()).scrub, { bytesPerSecond: 1, rounds: 0, failure: null });
  // Nobody waits for it.
  const [file = ''] = await filesIn(join(path, 'zone-2', 'blob'));
  await flip(file, 100_000);
  t.like(await store.health.heal(), { found: 1, healed: 1 });
  await store.bucket('docs').put('meanwhile', 'text');
  await Promise.all([store.health.scrub(fast), store.health.scrub(forEver)]);
  t.is((await store.health.status()).scrub?.bytesPerSecond, 1);
  await store.health.scrub('pause');
  t.is((await store.health.status()).scrub, null);
  await store.health.scrub(forEver);
  await store.close();
  await rejection(t, store.health.scrub(fast), 'STORE_CLOSED');
});

test('a process that has nothing else to do ends with it', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  const program = `
    import { open } from ${JSON.stringify(builtIndex)};
    const store = await open(${JSON.stringify(path)}, { zones: 3 });
    await store.bucket('docs').put('large', new Uint8Array(4 << 20));
    await store.health.scrub({ bytesPerSecond: 1 });
    console.log('done');`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
  t.is(stdout, 'done\n');
});

test('a process that waits for a scrub to end lives until then', async (t) => {
  const built = (name: string) => JSON.stringify(new URL(name, pathToFileURL(builtIndex)).href);
  const program = `
    import { Events } from ${built('context/events.js')};
    import { StoreContext } from ${built('context/store-context.js')};
    import { MemoryEngine } from ${built('engine/memory-engine.js')};
    import { Scrub } from ${built('store/scrub.js')};
    const engine = new MemoryEngine();
    const news = { bytes: 0, unhealthy: 0, findings: [], over: true };
    // Like the one of a scrub, it keeps nobody alive.
    const next = () => new Promise((resolve) => setTimeout(resolve, 100, news).unref());
    engine.verify = () => ({ next, stop() {} });
    const settings = { autoCreateBuckets: true, now: Date.now };
    const scrub = new Scrub(new StoreContext(engine, new Events(':memory:'), settings));
    await scrub.begin(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await scrub.pause();
    console.log('paused');`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  t.is(stdout, 'paused\n');
});

/** An engine whose verifications are the test's; a rest between rounds that the test ends. */
function scrubOver(verify: StorageEngine['verify']) {
  const engine = new MemoryEngine();
  engine.verify = verify as MemoryEngine['verify'];
  const events = new Events(':memory:', undefined);
  const context = new StoreContext(engine, events, { autoCreateBuckets: true, now: Date.now });
  const rests: (() => void)[] = [];
  const resting = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      rests.push(resolve);
      signal.addEventListener('abort', () => resolve());
    });
  const scrub = new Scrub(context, resting);
  const rounds = async (count: number): Promise<void> => {
    while (rests.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { scrub, rests, rounds };
}

test('it begins again after each round, also after one that failed', async (t) => {
  const asked: unknown[] = [];
  const { scrub, rests, rounds } = scrubOver((request): Verifying => {
    asked.push(request);
    const none = { sequence: 0, written: 0 };
    const news = { ...none, bytes: 10, records: 1, cells: 1, rows: 1, over: true };
    const finding = { kind: 'rot', zone: 1, healed: true, what: 'a cell', rowKey: null } as const;
    return {
      next: async () => {
        if (asked.length === 2) throw new StoreError('ZONE_UNAVAILABLE');
        return { ...news, findings: asked.length === 1 ? [finding] : [] };
      },
      stop() {},
    };
  });
  await scrub.begin(500);
  await rounds(1);
  t.like(scrub.status, { rounds: 1, checkedBytes: 10, found: 1, healed: 1, failure: null });
  t.like(scrub.status?.lastFinding, { kind: 'rot', zone: 1, healed: true });
  rests[0]?.();
  await rounds(2);
  t.is(scrub.status?.rounds, 1);
  t.regex(scrub.status?.failure ?? '', /ZONE_UNAVAILABLE/);
  rests[1]?.();
  await rounds(3);
  t.like(scrub.status, { rounds: 2, checkedBytes: 20, found: 1, failure: null });
  t.deepEqual(asked, Array(3).fill({ heal: true, bytesPerSecond: 500 }));
  await scrub.pause();
  t.is(scrub.status, null);
  t.is(asked.length, 3);
});

test('its arguments are looked at', async (t) => {
  const { store, path } = await storeOf(t, 1);
  const { health } = store;
  for (const bytesPerSecond of [0, -1, 1.5, Number.NaN])
    await rejection(t, health.scrub({ bytesPerSecond }), 'InvalidArgument');
  for (const wrong of [{}, 'resume', null, { bytesPerSecond: '1' }] as never[])
    await t.throwsAsync(health.scrub(wrong), { instanceOf: TypeError });
  await rejection(
    t,
    health.scrub({ bytesPerSecond: 1, deep: true } as object as never),
    'InvalidArgument',
  );
  await store.close();
  await using again = await open(path, { readOnly: true });
  await rejection(t, again.health.scrub(fast), 'STORE_READ_ONLY');
  await using memory = await openMemory();
  await memory.health.scrub(fast);
  t.is((await scrubbed(memory)).rounds, 1);
});
