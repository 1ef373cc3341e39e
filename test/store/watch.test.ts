// watch across threads, processes and crashes: whoever goes on behind an id misses nothing and
// hears nothing twice, and nobody is kept alive by a watch that nobody waits on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { type Bucket, type ObjectEvent, open } from '../../lib/index.ts';
import { rejection } from '../suite/support.ts';
import { builtIndex } from '../support/built-package.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const cwd = fileURLToPath(new URL('../..', import.meta.url));

/** Events behind `from` up to the newest of now. */
async function eventsSince(bucket: Bucket, from: string): Promise<ObjectEvent[]> {
  const events: ObjectEvent[] = [];
  await bucket.put('end', '');
  for await (const event of bucket.watch({ from })) {
    if (event.key === 'end') break;
    events.push(event);
  }
  await bucket.remove('end');
  return events;
}

/** What the objects are after these events. */
function replay(state: Map<string, string>, events: readonly ObjectEvent[]): void {
  for (const { key, etag } of events)
    if (etag === undefined) state.delete(key);
    else state.set(key, etag);
}

async function listed(bucket: Bucket): Promise<Map<string, string>> {
  const objects = new Map<string, string>();
  for await (const { key, etag } of bucket.list()) objects.set(key, etag);
  return objects;
}

function program(zones: number, data: string, body: string): string {
  return `
    import { writeSync } from 'node:fs';
    import { open } from ${JSON.stringify(builtIndex)};
    const say = (what) => writeSync(1, JSON.stringify(what) + '\\n');
    const store = await open(${JSON.stringify(data)}, { zones: ${zones} });
    const bucket = store.bucket('docs');
    ${body}`;
}

function start(code: string) {
  const args = ['--input-type=module', '--eval', code];
  return spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
}

interface Said {
  /** Acknowledged: a key, with its ETag or removed. */
  done?: [key: string, etag: string | null];
  /** Heard by the watcher in the dying process. */
  heard?: string;
}

/** Changes objects and watches them until it has said so much, and is killed then. */
async function killedAmidWrites(zones: number, data: string, from: string): Promise<Said[]> {
  const child = start(
    program(
      zones,
      data,
      `
      (async () => {
        for await (const { id } of bucket.watch({ from: ${JSON.stringify(from)} }))
          say({ heard: id });
      })();
      const change = async (n) => {
        for (let i = 0; ; i++) {
          const key = 'key-' + (i * 7 + n) % 23;
          if (i % 3 === 2) {
            await bucket.remove(key);
            say({ done: [key, null] });
          } else {
            const { etag } = await bucket.put(key, new Uint8Array(i % 40 === 0 ? 300_000 : 500));
            say({ done: [key, etag] });
          }
        }
      };
      for (let n = 0; n < 8; n++) change(n);`,
    ),
  );
  const said: Said[] = [];
  for await (const line of createInterface(child.stdout)) {
    // The last line may be torn.
    if (line.endsWith('}')) said.push(JSON.parse(line) as Said);
    if (said.length === 400) child.kill('SIGKILL');
  }
  return said;
}

for (const zones of [1, 3] as const)
  test.serial(
    `nothing is lost or told twice when a process is killed, ${zones} zones`,
    async (t) => {
      const data = join(await temporaryFolder(t), 'data');
      const first = await open(data, { zones });
      let from = await (await first.createBucket('docs')).events.last();
      await first.close();
      const state = new Map<string, string>();
      const ids: string[] = [];
      for (let round = 0; round < 3; round++) {
        const said = await killedAmidWrites(zones, data, from);
        t.true(said.length >= 400);
        const store = await open(data, { zones });
        const bucket = store.bucket('docs');
        const objects = await listed(bucket);
        const events = await eventsSince(bucket, from);
        replay(state, events);
        t.deepEqual(new Map([...state].sort()), objects, 'the events are exactly the commits');
        for (const [key, etag] of said.flatMap(({ done }) => (done ? [done] : [])))
          if (etag !== null)
            t.true(
              events.some((event) => event.key === key && event.etag === etag),
              'a put is told',
            );
        const heard = said.flatMap(({ heard }) => (heard ? [heard] : []));
        t.true(heard.length > 0);
        t.deepEqual(
          heard,
          events.slice(0, heard.length).map(({ id }) => id),
        );
        const rest = await eventsSince(bucket, heard.at(-1) as string);
        t.deepEqual(rest.slice(0, events.length - heard.length), events.slice(heard.length));
        // The put and the removal of `end` were told as well.
        from = await bucket.events.last();
        ids.push(...events.map(({ id }) => id));
        await store.close();
      }
      t.deepEqual(ids, [...new Set(ids)].sort(), 'ids ascend over every kill');
    },
  );

test.serial('a store that takes no writes tells what it holds, and begins nothing', async (t) => {
  const data = join(await temporaryFolder(t), 'data');
  const first = await open(data);
  const from = await (await first.createBucket('docs')).events.last();
  await first.createBucket('plain');
  for (const key of ['a', 'b']) await first.bucket('docs').put(key, 'text');
  await first.close();
  const store = await open(data, { readOnly: true });
  const watch = store.bucket('docs').watch({ from })[Symbol.asyncIterator]();
  for (const key of ['a', 'b']) t.is((await watch.next()).value?.key, key);
  const waits = watch.next();
  const plain = store.bucket('plain');
  await rejection(t, plain.watch()[Symbol.asyncIterator]().next(), 'STORE_READ_ONLY');
  await rejection(t, plain.events.last(), 'STORE_READ_ONLY');
  t.is(await plain.events.get(), null);
  const closed = store.close();
  await rejection(t, waits, 'STORE_CLOSED');
  await closed;
});

const inWorker = (data: string, body: string): Worker =>
  new Worker(
    `const { parentPort } = require('node:worker_threads');
    async function main() {
      const { open } = await import(${JSON.stringify(builtIndex)});
      const store = await open(${JSON.stringify(data)});
      const bucket = store.bucket('docs');
      ${body}
    }
    main();`,
    { eval: true },
  );

test.serial('a commit wakes whoever watches on another thread', async (t) => {
  const data = join(await temporaryFolder(t), 'data');
  const store = await open(data);
  const bucket = await store.createBucket('docs');
  const from = await bucket.events.last();
  const worker = inWorker(
    data,
    `for await (const event of bucket.watch({ from: '${from}' })) {
      parentPort.postMessage(event.key);
      if (event.key === 'answer me') await bucket.put('answer', 'text');
      if (event.key === 'end') break;
    }
    await store.close();`,
  );
  for (const key of ['a', 'b', 'c']) {
    const told = once(worker, 'message');
    await bucket.put(key, 'text');
    t.deepEqual(await told, [key]);
  }
  const watch = bucket.watch({ from: await bucket.events.last() })[Symbol.asyncIterator]();
  const [asked, answered] = [watch.next(), watch.next()];
  await bucket.put('answer me', 'text');
  t.is((await asked).value?.key, 'answer me');
  t.is((await answered).value?.key, 'answer');
  await watch.return?.();
  await bucket.put('end', 'text');
  t.deepEqual(await once(worker, 'exit'), [0]);
  await store.close();
});

test.serial('the close of one store ends its own watches only', async (t) => {
  const data = join(await temporaryFolder(t), 'data');
  const [first, second] = [await open(data), await open(data)];
  const from = await (await first.createBucket('docs')).events.last();
  const [ends, stays] = [first, second].map((store) =>
    store.bucket('docs').watch({ from })[Symbol.asyncIterator]().next(),
  ) as [Promise<unknown>, Promise<IteratorResult<ObjectEvent>>];
  // Calls that take as long as what a watch does before it waits.
  for (let i = 0; i < 10; i++) await first.bucket('docs').exists();
  const closed = first.close();
  await rejection(t, ends, 'STORE_CLOSED');
  await closed;
  await second.bucket('docs').put('key', 'text');
  t.is((await stays).value?.key, 'key');
  await second.close();
});

test.serial('a worker that ends in the middle of a wait leaves the store in peace', async (t) => {
  const data = join(await temporaryFolder(t), 'data');
  const store = await open(data);
  const bucket = await store.createBucket('docs');
  await bucket.events.last();
  for (let i = 0; i < 3; i++) {
    const worker = inWorker(
      data,
      `const watch = bucket.watch()[Symbol.asyncIterator]();
      watch.next();
      await bucket.exists();
      parentPort.postMessage('waits');`,
    );
    await once(worker, 'message');
    await worker.terminate();
    await bucket.put('key', 'text');
  }
  await store.close();
  t.pass();
});

test.serial('only a next() that waits keeps a process', async (t) => {
  const bodies: [body: string, said: string][] = [
    ['await watch.next(); say(1);', '1\n'],
    [
      'await watch.next(); const next = watch.next(); await watch.return(); say(await next);',
      '{"done":true}\n',
    ],
    [
      'watch.next(); watch.next().then(() => say(2)); setTimeout(() => bucket.put("b", ""), 50);',
      '2\n',
    ],
    [
      `await watch.next();
      const now = await bucket.events.last();
      const idle = bucket.watch({ from: now })[Symbol.asyncIterator]();
      const one = idle.next();
      for (const key of ['b', 'c']) await bucket.put(key, '');
      say((await one).value.key);`,
      '"b"\n',
    ],
    [
      `await watch.next();
      watch.next();
      setTimeout(() => { say('kept'); process.exit(0); }, 300).unref();`,
      '"kept"\n',
    ],
  ];
  for (const [body, said] of bodies) {
    const data = join(await temporaryFolder(t), 'data');
    const child = start(
      program(
        1,
        data,
        `await store.createBucket('docs');
        const from = await bucket.events.last();
        await bucket.put('a', '');
        const watch = bucket.watch({ from })[Symbol.asyncIterator]();
        ${body}`,
      ),
    );
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    t.deepEqual(await once(child, 'close'), [0, null], body);
    t.is(stdout, said, body);
  }
});
