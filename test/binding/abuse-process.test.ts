// Programs that would end a process in a bad way if the addon let them: each ends as it means to.
// The counts are slices; `npm run test:napi` runs them in full.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { load } from '../../lib/engine/load.ts';
import { builtIndex } from '../support/built-package.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { addonFile, optionsFor } from './native-engine.ts';

const full = process.env.STRONGROOM_ABUSE === 'full';
const times = (slice: number, all: number): number => (full ? all : slice);

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

async function run(
  t: ExecutionContext,
  program: string,
  extra: { flags?: string[]; env?: NodeJS.ProcessEnv; folder?: string } = {},
): Promise<Ended> {
  const folder = extra.folder ?? (await temporaryFolder(t));
  const file = join(folder, 'program.mjs');
  const options = JSON.stringify({ ...optionsFor(folder), rootKey: null, rootHint: null });
  await writeFile(
    file,
    `import { createRequire } from 'node:module';
    import { open } from ${JSON.stringify(builtIndex)};
    import { Worker, isMainThread } from 'node:worker_threads';
    import { setTimeout as sleep } from 'node:timers/promises';
    const addon = createRequire(import.meta.url)(${JSON.stringify(addonFile)});
    const options = ${options};
    options.rootKey = new Uint8Array(32).fill(7);
    options.rootHint = Uint8Array.of(1, 0);
    const path = ${JSON.stringify(join(folder, 'store'))};
    const bytes = (text) => new Uint8Array(Buffer.from(text));
    const gc = globalThis.gc ?? (() => {});
    const isTyped = (error) => 'code' in error || error instanceof TypeError;
    const detach = (view) => structuredClone(view.buffer, { transfer: [view.buffer] });
    const none = [null];
    const rows = (engine, keys, revisions = [], checkKeys = [], bodies = [bytes('m')]) =>
      engine.commit(checkKeys, revisions, [], [], [], keys, [0], bodies, none, none, null, null);
    ${program}`,
  );
  const child = spawn(process.execPath, [...(extra.flags ?? []), file], {
    cwd: folder,
    env: { ...process.env, ...extra.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

async function endsWell(
  t: ExecutionContext,
  program: string,
  extra: Parameters<typeof run>[2] = {},
): Promise<void> {
  const { code, signal, output } = await run(t, program, { flags: ['--expose-gc'], ...extra });
  t.is(signal, null, output);
  t.is(code, 0, output);
}

// The story: the keys were looked at where they lay while the other arrays were read, and to read
// one of those may run code that gives their memory to somebody who lets go of it.
for (const [which, call] of [
  ['its own array', 'rows(engine, trap([key], 1, key))'],
  ['the revisions', 'rows(engine, [key], trap([0], 0, key), [key])'],
  ['the bodies', "rows(engine, [key], [], [], trap([bytes('m')], 0, key))"],
])
  test(`a key whose memory goes while ${which} is read`, async (t) => {
    await endsWell(
      t,
      `const engine = await addon.open(options, () => {});
      const trap = (array, at, key) => {
        const held = array[at] ?? key;
        Object.defineProperty(array, at, { get() { detach(key); gc(); gc(); return held; } });
        return array;
      };
      for (let i = 0; i < 200; i++) {
        const key = new Uint8Array(900).fill(65);
        try { await ${call}; } catch (error) { if (!(error instanceof Error)) throw error; }
      }
      await engine.close();`,
    );
  });

test('pieces whose memory goes while they are offered', async (t) => {
  await endsWell(
    t,
    `const engine = await addon.open(options, () => {});
    const { kek } = engine.createKey(bytes('test'));
    for (let i = 0; i < 100; i++) {
      const writer = engine.writeBlob(kek, 0, 0);
      const first = new Uint8Array(200_000);
      const parts = [first];
      Object.defineProperty(parts, 1, {
        get() { detach(first); gc(); return new Uint8Array(10); },
        enumerable: true,
      });
      try { await writer.offer(parts, true); await writer.finish(); } catch {}
      await writer.abort();
    }
    await engine.close();`,
  );
});

test('a body that is transferred, shrunk or filled while it is put', async (t) => {
  await endsWell(
    t,
    `const store = await open(path, { zones: 3 });
    const bucket = store.bucket('docs');
    for (let i = 0; i < ${times(10, 200)}; i++) {
      const size = 3 << 20;
      const shrinking = new Uint8Array(new ArrayBuffer(size, { maxByteLength: size }));
      const moving = new Uint8Array(size);
      const changing = new Uint8Array(size);
      const puts = [
        bucket.put('shrinking', shrinking), bucket.put('moving', moving),
        bucket.put('changing', changing),
      ];
      changing.fill(1);
      await sleep(i % 5);
      shrinking.buffer.resize(10);
      detach(moving);
      gc();
      changing.fill(2);
      const ends = await Promise.allSettled(puts);
      for (const end of ends)
        if (end.status === 'rejected' && !isTyped(end.reason)) throw end.reason;
      if (ends[2].status === 'rejected') throw ends[2].reason;
      // A mixture, but sealed once: it is read as it was stored.
      if ((await (await bucket.get('changing')).bytes()).length !== size) throw new Error('size');
    }
    await store.close();`,
  );
});

test('a storm of collections over handles that nobody keeps', async (t) => {
  await endsWell(
    t,
    `const engine = await addon.open(options, () => {});
    const size = 400_000;
    for (let i = 0; i < ${times(60, 2000)}; i++) {
      const { kek } = engine.createKey(bytes('test'));
      const writer = engine.writeBlob(kek, size, 1);
      await writer.offer([new Uint8Array(size)], true);
      if (i % 3 === 0) { gc(); continue; }
      const finished = writer.finish();
      if (i % 3 === 1) gc();
      await finished;
      await engine.commit(
        [], [], [], [], [], [bytes('k')], [0], [bytes('m')], [writer], [kek], null, null);
      const [, found] = await engine.get(bytes('k'), null, 0, kek, 0, size, false);
      const reader = engine.openReader(found, 0, size);
      const reading = reader.read();
      if (i % 2 === 0) { gc(); await reading; }
      engine.awaitChange(bytes('k'));
      gc();
    }
    await engine.close();
    gc();`,
  );
});

test('workers that are terminated amid their work', async (t) => {
  await endsWell(
    t,
    `if (isMainThread) {
      const store = await open(path, { zones: 3 });
      await store.bucket('docs').put('large', new Uint8Array(4 << 20));
      for (let i = 0; i < ${times(6, 1000)}; i++) {
        const worker = new Worker(new URL(import.meta.url));
        worker.on('error', (error) => { throw error; });
        await new Promise((resolve) => worker.once('message', resolve));
        await sleep(i % 7);
        await worker.terminate();
      }
      if ((await (await store.bucket('docs').get('large')).bytes()).length !== 4 << 20)
        throw new Error('size');
      await store.close();
    } else {
      const { parentPort } = await import('node:worker_threads');
      const store = await open(path, { zones: 3 });
      const bucket = store.bucket('docs');
      for (let lane = 0; lane < 4; lane++)
        (async () => {
          for (let i = 0; ; i++) {
            await bucket.put('own' + lane, new Uint8Array(lane % 2 ? 1000 : 1 << 20));
            await (await bucket.get('large')).bytes();
            if (i === 0 && lane === 0) parentPort.postMessage('working');
          }
        })();
    }`,
  );
});

test('a process that exits amid its work exits as it says', async (t) => {
  for (let i = 0; i < times(3, 200); i++) {
    const { code, signal, output } = await run(
      t,
      `const store = await open(path, { zones: 3 });
      const bucket = store.bucket('docs');
      for (let lane = 0; lane < 8; lane++)
        (async () => {
          for (;;) {
            await bucket.put('k' + lane, new Uint8Array(lane % 2 ? 1000 : 1 << 20));
            await (await bucket.get('k' + lane)).bytes();
          }
        })();
      await sleep(${20 + ((i * 37) % 100)});
      process.exit(42);`,
    );
    t.is(signal, null, output);
    t.is(code, 42, output);
  }
});

test('two environments of one process load the addon and use one store', async (t) => {
  await endsWell(
    t,
    `const store = await open(path, { zones: 3 });
    const bucket = store.bucket('docs');
    if (isMainThread) {
      const ends = Array.from({ length: 3 }, () => new Promise((resolve, reject) => {
        new Worker(new URL(import.meta.url)).on('error', reject).on('exit', resolve);
      }));
      for (let i = 0; i < 20; i++) await bucket.put('main' + i, new Uint8Array(5000));
      if ((await Promise.all(ends)).some((code) => code !== 0)) throw new Error('a worker failed');
      if ((await bucket.list().toArray()).length !== 21) throw new Error('rows');
    } else await bucket.put('worker', new Uint8Array(5000));
    await store.close();`,
  );
});

test('a polluted prototype costs a typed error at most', async (t) => {
  await endsWell(
    t,
    `const names = ['zones', 'create', 'readOnly', 'rootKey', 'range', 'onlyIf', 'ifMatch',
      'ifNoneMatch', 'metadata', 'contentType', 'signal', 'checksum', 'limit', 'prefix',
      'delimiter', 'tags', 'size', 'partSize', 'key', 'code'];
    const store = await open(path, { zones: 3 });
    const bucket = store.bucket('docs');
    await bucket.put('a', new Uint8Array(1000));
    for (const name of names) {
      const polluting = Object.create(null);
      polluting.value = 'polluted';
      polluting.configurable = polluting.writable = true;
      for (const verb of [
        () => bucket.put('b', new Uint8Array(10), {}),
        () => bucket.put('large', new Uint8Array(1 << 20)),
        () => bucket.get('a', {}).then((got) => got.bytes()),
        () => bucket.list({}).toArray(),
        () => bucket.remove('b'),
      ]) {
        Object.defineProperty(Object.prototype, name, polluting);
        const heard = await verb().then(() => null, (error) => error);
        delete Object.prototype[name];
        if (heard !== null && !isTyped(heard)) throw heard;
      }
    }
    if ((await (await bucket.get('a')).bytes()).length !== 1000) throw new Error('size');
    await store.close();`,
  );
});

test('options are read once, and what their getters throw is what the caller hears', async (t) => {
  await endsWell(
    t,
    `const store = await open(path, { zones: 3 });
    const bucket = store.bucket('docs');
    const counted = (options) => {
      const reads = {};
      const made = {};
      for (const [name, value] of Object.entries(options))
        Object.defineProperty(made, name, {
          enumerable: true, get() { reads[name] = (reads[name] ?? 0) + 1; return value; },
        });
      return [made, reads];
    };
    for (const [verb, options] of [
      [(o) => bucket.put('a', bytes('body'), o), { metadata: { a: 'b' }, contentType: 'a/b' }],
      [(o) => bucket.get('a', o), { range: { start: 0, end: 1 } }],
    ]) {
      const [made, reads] = counted(options);
      try { await verb(made); } catch (error) { if (!isTyped(error)) throw error; }
      for (const [name, count] of Object.entries(reads))
        if (count > 1) throw new Error(name + ' was read ' + count + ' times');
      const boom = new Error('boom');
      const throwing = Object.defineProperty({}, Object.keys(options)[0], {
        enumerable: true, get() { throw boom; },
      });
      const heard = await verb(throwing).then(() => null, (error) => error);
      if (heard !== boom) throw new Error('heard ' + heard);
    }
    await store.close();`,
  );
});

test('callbacks that throw are the business of whoever gave them', async (t) => {
  await endsWell(
    t,
    `const store = await open(path, { zones: 3 });
    const bucket = store.bucket('docs');
    const boom = new Error('boom');
    const bodies = [
      (async function* () { yield bytes('a'); throw boom; })(),
      { [Symbol.asyncIterator]: () => ({ next() { throw boom; } }) },
      { [Symbol.asyncIterator]() { throw boom; } },
      new ReadableStream({ pull() { throw boom; } }),
      (async function* () { await store.close(); yield bytes('late'); })(),
    ];
    for (const body of bodies) {
      const heard = await bucket.put('a', body).then(() => null, (error) => error);
      if (!(heard instanceof Error)) throw new Error('was stored');
    }
    await store.close();`,
  );
  // A listener of the engine's events that throws is an uncaught error, not a crash.
  const folder = await temporaryFolder(t);
  const { code, signal, output } = await run(
    t,
    `process.on('uncaughtException', (error) => { console.log('heard ' + error.message); });
    const { rm } = await import('node:fs/promises');
    const zones = [1, 2, 3].map((n) => options.zones[0] + n);
    const engine = await addon.open(
      { ...options, zones, small: [1, 2], large: [4, 2] }, () => { throw new Error('boom'); });
    await rows(engine, [bytes('a')]);
    await rm(zones[1], { recursive: true });
    await rows(engine, [bytes('b')]).catch(() => {});
    await sleep(200);
    await engine.close();
    console.log('ended');`,
    { folder },
  );
  t.is(signal, null, output);
  t.is(code, 0, output);
  t.true(output.includes('ended'), output);
});

test('a runtime without the ciphers is named, and nothing of them is called', async (t) => {
  const file = join(await temporaryFolder(t), 'addon.cjs');
  await writeFile(file, "exports.describe = () => ({ cryptoAvailable: false, provider: '' });");
  t.throws(() => load([file]), { code: 'NATIVE_LOAD_FAILED', message: /EVP/ });
});

test('what is no addon is refused with the reason', (t) => {
  for (const file of ['/nowhere.node', import.meta.filename, '/proc/self/exe'])
    t.throws(() => load([file]), { code: 'NATIVE_LOAD_FAILED' });
});
