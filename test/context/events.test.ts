// What the store tells the outside, and that nobody who listens can harm it.
import { execFile } from 'node:child_process';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Events, type StoreEvent } from '../../lib/context/events.ts';
import { type Logger, openMemory } from '../../lib/index.ts';
import { builtIndex } from '../support/built-package.ts';

const silent: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

test('events reach the logger and the channel', (t) => {
  const logged: [object, string | undefined][] = [];
  const published: unknown[] = [];
  const listener = (event: unknown): void => void published.push(event);
  channel('strongroom:event').subscribe(listener);
  t.teardown(() => channel('strongroom:event').unsubscribe(listener));
  const events = new Events('/data', { ...silent, warn: (o, m) => logged.push([o, m]) });
  events.emit({ type: 'zone:expelled', zone: 2, reason: 'EIO' });
  const event = { type: 'zone:expelled', zone: 2, reason: 'EIO', path: '/data' };
  t.deepEqual(published, [event]);
  t.deepEqual(logged, [[event, 'strongroom: a zone was expelled: the store goes on without it']]);
  t.notThrows(() => new Events('/data', undefined).emit({ type: 'zones:shared-device' }));
});

test('a broken logger harms nothing', async (t) => {
  const broken = (warn: Logger['warn']): Events => new Events('/data', { ...silent, warn });
  const event = { type: 'zones:shared-device' } as const;
  t.notThrows(() =>
    broken(() => {
      throw new Error('disk full');
    }).emit(event),
  );
  const rejecting = (async () => {
    throw new Error('disk full');
  }) as unknown as Logger['warn'];
  t.notThrows(() => broken(rejecting).emit(event));
  await sleep(10); // An unhandled rejection would end the process here.
});

test.serial('verbs are traced when somebody listens', async (t) => {
  const store = await openMemory();
  t.teardown(() => store.close());
  const bucket = store.bucket('docs');
  await bucket.put('before', 'text');
  const seen: string[] = [];
  const trace = tracingChannel<string, { bucket: string; key?: string }>('strongroom:object.put');
  const record = (name: string) => (message: object) => {
    const { bucket: of, key, error } = message as { bucket: string; key?: string; error?: Error };
    seen.push([name, of, key, ...(error === undefined ? [] : [error.name])].join(' '));
  };
  const handlers = {
    start: record('start'),
    end: record('end'),
    asyncStart: record('asyncStart'),
    asyncEnd: record('asyncEnd'),
    error: record('error'),
  };
  trace.subscribe(handlers as never);
  await bucket.put('key', 'text');
  await t.throwsAsync(bucket.put('/key', 'text'));
  trace.unsubscribe(handlers as never);
  await bucket.put('after', 'text');
  t.deepEqual(seen, [
    'start docs key',
    'end docs key',
    'asyncStart docs key',
    'asyncEnd docs key',
    'start docs /key',
    'end docs /key',
    'error docs /key InvalidObjectNameError',
    'asyncStart docs /key InvalidObjectNameError',
    'asyncEnd docs /key InvalidObjectNameError',
  ]);
});

test('a callback that throws is told of', async (t) => {
  const told: StoreEvent[] = [];
  const store = await openMemory({
    logger: { ...silent, warn: (event) => told.push(event as StoreEvent) },
  });
  t.teardown(() => store.close());
  await store.bucket('docs').put('key', 'text', {
    onProgress() {
      throw new Error('broken');
    },
  });
  t.like(told[0], { type: 'callback:failed', callback: 'onProgress', reason: 'Error: broken' });
});

test('a callback that rejects, or throws what has no text, harms nothing', async (t) => {
  const told: StoreEvent[] = [];
  const store = await openMemory({
    logger: { ...silent, warn: (event) => told.push(event as StoreEvent) },
  });
  t.teardown(() => store.close());
  const bucket = store.bucket('docs');
  const callbacks: (() => unknown)[] = [
    async () => {
      throw new Error('broken');
    },
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library is what is tested.
    () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('broken')) }),
    () => {
      throw Object.create(null);
    },
    () => {
      throw undefined;
    },
  ];
  for (const [i, callback] of callbacks.entries()) {
    await bucket.put(`key-${i}`, 'text', { onProgress: callback as () => void });
    t.true(await bucket.has(`key-${i}`));
  }
  await sleep(10); // An unhandled rejection would end the process here.
  t.deepEqual(told.map((event) => event.type === 'callback:failed' && event.reason).sort(), [
    'Error: broken',
    'Error: broken',
    'something that has no text',
    'undefined',
  ]);
});

test('a subscriber that throws fails no call; Node reports it', async (t) => {
  // In a process of its own: the uncaught exceptions are the point.
  const program = `
    import { subscribe, tracingChannel } from 'node:diagnostics_channel';
    import { openMemory } from ${JSON.stringify(builtIndex)};
    let uncaught = 0;
    process.on('uncaughtException', (error) => { if (error.message === 'broken') uncaught++; });
    const broken = () => { throw new Error('broken'); };
    subscribe('strongroom:event', broken);
    tracingChannel('strongroom:object.put').subscribe({ start: broken, asyncEnd: broken });
    const store = await openMemory();
    const bucket = store.bucket('docs');
    const stored = await bucket.put('key', 'text', { onProgress: broken });
    const text = await (await bucket.get('key')).text();
    await store.close();
    await new Promise((resolve) => setImmediate(resolve)); // Node reports in a tick of its own.
    console.log(stored.size, text, uncaught);`;
  const args = ['--input-type=module', '--eval', program];
  const cwd = dirname(builtIndex);
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
  t.is(stdout.trim(), '4 text 3');
});

test('a body that is forgotten is closed with an event, one that is in use is not', async (t) => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const told: StoreEvent[] = [];
  const store = await openMemory({
    logger: { ...silent, warn: (event) => told.push(event as StoreEvent) },
  });
  t.teardown(() => store.close());
  const bucket = store.bucket('docs');
  await bucket.put('large', new Uint8Array(3 << 20));
  await bucket.put('small', 'text');
  const open = async (key: string) => {
    const body = await bucket.get(key);
    if (body === null) throw new Error('missing');
    return body;
  };
  await open('small');
  await (await open('large')).bytes();
  const stream = (await open('large')).stream();
  const iterator = (await open('large'))[Symbol.asyncIterator]();
  await iterator.next();
  const readable = (await open('large')).readable();
  await open('large');
  for (let i = 0; i < 50 && told.length === 0; i++) {
    await sleep(10);
    gc();
  }
  t.deepEqual(told, [{ type: 'body:forgotten', bucket: 'docs', key: 'large', path: ':memory:' }]);
  let bytes = 0;
  for await (const piece of stream) bytes += piece.length;
  for await (const piece of readable) bytes += piece.length;
  for (let step = await iterator.next(); !step.done; step = await iterator.next())
    bytes += step.value.length;
  t.is(bytes, 8 << 20);
  t.is(told.length, 1);
});
