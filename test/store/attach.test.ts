// Several stores over one engine in one process, from this thread and from workers: each hears what
// happens to the zones they share.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { type Logger, open, type Store, type StoreEvent } from '../../lib/index.ts';
import { found, rejection } from '../suite/support.ts';
import { builtIndex } from '../support/built-package.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function listener(): { told: StoreEvent[]; logger: Logger } {
  const told: StoreEvent[] = [];
  const warn = (event: object): void => void told.push(event as StoreEvent);
  return { told, logger: { trace() {}, debug() {}, info() {}, warn, error() {} } };
}

async function path(t: ExecutionContext): Promise<string> {
  return join(await temporaryFolder(t), 'data');
}

/** Spoils the cells of large blobs in one zone. */
async function spoil(zone: string): Promise<void> {
  const folder = join(zone, 'blob');
  for (const name of await readdir(folder, { recursive: true })) {
    const file = join(folder, name);
    const { size } = await stat(file);
    if (size < 50_000) continue;
    const bytes = await readFile(file);
    await writeFile(file, bytes.fill(0xee, 4096));
  }
}

/** So many blobs that one zone holds parity cells, which nobody reads, of all of them: never. */
const blobs = 24;
const large = randomBytes(300_000);

async function putAll(store: Store): Promise<void> {
  for (let i = 0; i < blobs; i++) await store.bucket('docs').put(`large-${i}`, large);
}

async function readAll(t: ExecutionContext, store: Store): Promise<void> {
  for (let i = 0; i < blobs; i++)
    t.true(large.equals(await (await found(store.bucket('docs').get(`large-${i}`))).bytes()));
}

/** Waits for what comes from another thread; the test's own time limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

const isRot = ({ type }: StoreEvent): boolean => type === 'rot';

test.serial('every store on a shared engine hears its events', async (t) => {
  const data = await path(t);
  const [a, b] = [listener(), listener()];
  const first = await open(data, { zones: 3, logger: a.logger });
  const second = await open(data, { zones: 3, logger: b.logger });
  await putAll(first);
  await spoil(join(data, 'zone-1'));
  await readAll(t, second);
  await until(() => a.told.some(isRot) && b.told.some(isRot));

  await first.close();
  const heard = a.told.length;
  // What was read is healed behind the read, soon or late: all of it now, to be spoiled again.
  await second.health.heal();
  const before = b.told.length;
  await spoil(join(data, 'zone-1'));
  await readAll(t, second);
  await until(() => b.told.length > before);
  t.is(a.told.length, heard);
  await second.close();
});

test.serial('a store that attaches hears what holds already', async (t) => {
  const data = await path(t);
  await (await open(data, { zones: 3 })).close();
  await rename(join(data, 'zone-2'), join(data, 'away'));
  await mkdir(join(data, 'zone-2'));
  const [a, b] = [listener(), listener()];
  const first = await open(data, { zones: 3, logger: a.logger });
  const ofZone = ({ type }: StoreEvent): boolean => /^zone:/.test(type);
  await until(() => a.told.some(ofZone));
  const second = await open(data, { zones: 3, logger: b.logger });
  await until(() => b.told.some(ofZone));
  t.deepEqual(b.told.find(ofZone), a.told.find(ofZone));
  t.deepEqual(b.told.filter(isRot), []);
  await first.close();
  await second.close();
});

test.serial('a store outlives the worker that opened it, and hears on', async (t) => {
  const data = await path(t);
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
    async function main() {
      const { open } = await import(${JSON.stringify(builtIndex)});
      const store = await open(${JSON.stringify(data)}, { zones: 3 });
      const bucket = store.bucket('docs');
      parentPort.postMessage('open');
      for (;;) await bucket.put('busy', new Uint8Array(1 << 20));
    }
    main();`,
    { eval: true },
  );
  t.deepEqual(await once(worker, 'message'), ['open']);
  const { told, logger } = listener();
  const store = await open(data, { zones: 3, logger });
  await worker.terminate();
  await putAll(store);
  await spoil(join(data, 'zone-1'));
  await readAll(t, store);
  await until(() => told.some(isRot));
  await store.bucket('docs').put('key', 'text');
  await store.close();
});

test.serial('zones that are open attach in any order, and to no other set', async (t) => {
  const folder = await temporaryFolder(t);
  const [a, b, c, other] = ['a', 'b', 'c', 'other'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  const data = join(folder, 'data');
  const store = await open(data, { zones: [a, b, c] });
  const again = await open(data, { zones: [c, a, b] });
  await again.close();
  await rejection(t, open(data, { zones: [a, b, other] }), 'InvalidArgument');
  await rejection(t, open(data, { zones: [a] }), 'InvalidArgument');
  await rejection(t, open(data, { zones: [a, b, c], readOnly: true }), 'InvalidArgument');
  const rootKey = randomBytes(32);
  await rejection(t, open(data, { zones: [a, b, c], rootKey }), 'InvalidArgument');
  await store.bucket('docs').put('key', 'text');
  await store.close();
});
