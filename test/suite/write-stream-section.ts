// Puts as streams to write to: the same promises, told through a Writable.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { Bucket } from '../../lib/index.ts';
import { edgeBodies, found, megabyte, rejection, type Section } from './support.ts';

async function text(bucket: Bucket, key = 'key'): Promise<string> {
  return (await found(bucket.get(key))).text();
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(65_536);
}

export const writeStreamSection: Section = (withStore) => {
  withStore('stores what is written to a stream', async (t, store) => {
    const bucket = store.bucket('docs');
    const stream = bucket.createWriteStream('key', { contentType: 'text/plain' });
    stream.write('hello ');
    stream.write(Buffer.from('wor'));
    stream.write('6c64', 'hex');
    t.is(await bucket.exists(), false);
    stream.end('!');
    const object = await stream.done;
    t.is(object.size, 12);
    t.is(object.contentType, 'text/plain');
    t.is(await text(bucket), 'hello world!');
    const nothing = bucket.file('empty').writer();
    nothing.end();
    t.is((await nothing.done).size, 0);
  });

  withStore('stores bodies of every size from a pipeline', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const [size, bytes] of edgeBodies()) {
      for (const step of [1 << 16, 1_000_003]) {
        const pieces = [];
        for (let at = 0; at < size; at += step) pieces.push(bytes.subarray(at, at + step));
        const stream = bucket.createWriteStream('key');
        await pipeline(Readable.from(pieces), stream);
        // The pipeline ends when the object is durable, so nobody need wait for `done`.
        const body = await found(bucket.get('key'));
        t.is(body.etag, (await stream.done).etag);
        t.deepEqual(Buffer.from(await body.bytes()), bytes, `${size} bytes by ${step}`);
      }
    }
  });

  withStore('lets the writer use its buffer again when the write was taken', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [1000, 300_000]) {
      const stream = bucket.createWriteStream('key');
      const scratch = new Uint8Array(size);
      for (let i = 0; i < 10; i++) {
        scratch.fill(i);
        await new Promise<void>((resolve, reject) =>
          stream.write(scratch, (error) => (error ? reject(error) : resolve())),
        );
      }
      stream.end();
      await stream.done;
      const bytes = await (await found(bucket.get('key'))).bytes();
      t.true(bytes.every((byte, at) => byte === Math.floor(at / size)));
    }
  });

  withStore('asks the writer to wait', async (t, store) => {
    const bucket = store.bucket('docs');
    const stream = bucket.createWriteStream('key');
    let waits = 0;
    for (let i = 0; i < 16; i++) {
      if (stream.write(randomBytes(megabyte))) continue;
      waits++;
      t.true(stream.writableLength <= megabyte + stream.writableHighWaterMark);
      await once(stream, 'drain');
    }
    stream.end();
    t.is((await stream.done).size, 16 * megabyte);
    t.is(waits, 16);
  });

  withStore('leaves nothing of a stream that is destroyed', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'before');
    const boom = new Error('boom');
    for (const size of [0, 10, 2 * megabyte]) {
      for (const error of [undefined, boom]) {
        const stream = bucket.createWriteStream('key');
        const heard = new Promise((resolve) => stream.on('error', resolve));
        if (size > 0) {
          const taken = new Promise((resolve) => stream.write(randomBytes(size), resolve));
          if (size > 10) await taken;
        }
        stream.destroy(error);
        await new Promise<void>((resolve) => stream.on('close', resolve));
        if (error !== undefined) t.is(await heard, error);
        const refusal = await rejection(t, stream.done, 'ABORTED');
        if (error !== undefined) t.is(refusal.cause, error);
        t.is(await text(bucket), 'before');
      }
    }
  });

  withStore('leaves nothing of a pipeline whose source fails', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const boom = new Error('boom');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield randomBytes(megabyte);
      throw boom;
    }
    const stream = bucket.createWriteStream('key');
    t.is(await t.throwsAsync(pipeline(failing, stream)), boom);
    await rejection(t, stream.done, 'ABORTED');
    t.is(await bucket.head('key'), null);
  });

  withStore('stops its pipeline when the put fails', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('taken', 'before');
    const writing = (stream: NodeJS.WritableStream) => pipeline(endless, stream);
    await rejection(
      t,
      writing(bucket.createWriteStream('taken', { onlyIf: { absent: true } })),
      'FileAlreadyExists',
    );
    await rejection(t, writing(bucket.createWriteStream('/no key')), 'InvalidObjectName');
    await rejection(t, writing(bucket.createWriteStream('key', { size: 1e6 })), 'IncompleteBody');
    await rejection(
      t,
      writing(bucket.createWriteStream('key', { contntType: 'a' } as never)),
      'InvalidArgument',
    );
    await t.throwsAsync(writing(bucket.createWriteStream('key', { signal: 7 as never })), {
      instanceOf: TypeError,
    });
    const short = bucket.createWriteStream('key', { size: 3 });
    short.end('ab');
    await rejection(t, short.done, 'IncompleteBody');
    t.is(await text(bucket, 'taken'), 'before');
    t.is(await bucket.head('key'), null);
  });

  withStore('stops at the signal', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const controller = new AbortController();
    const stream = bucket.createWriteStream('key', { signal: controller.signal });
    const writing = pipeline(endless, stream);
    await new Promise<void>((resolve) => stream.once('drain', resolve));
    controller.abort();
    await rejection(t, writing, 'ABORTED');
    await rejection(t, stream.done, 'ABORTED');
    t.is(await bucket.head('key'), null);
  });

  withStore('tells of a failure once, to whoever listens', async (t, store) => {
    const bucket = store.bucket('docs');
    const unhandled: unknown[] = [];
    const hear = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', hear);
    t.teardown(() => process.off('unhandledRejection', hear));
    // Through the event only: nobody looks at `done`.
    const heard = bucket.createWriteStream('/no key');
    const error = new Promise((resolve) => heard.on('error', resolve));
    heard.end('text');
    t.is(((await error) as { code: string }).code, 'InvalidObjectName');
    // Through `done` only: no listener, and no uncaught exception.
    const awaited = bucket.createWriteStream('/no key');
    awaited.end('text');
    await rejection(t, awaited.done, 'InvalidObjectName');
    // Not begun, not wanted.
    bucket.createWriteStream('key').destroy();
    await turn();
    await turn();
    t.deepEqual(unhandled, []);
  });

  withStore('tells the truth when destroyed after the end', async (t, store) => {
    const bucket = await store.createBucket('docs');
    for (let i = 0; i < 20; i++) {
      const stream = bucket.createWriteStream('key');
      stream.end(randomBytes(1000));
      for (let turns = i % 5; turns > 0; turns--) await turn();
      stream.destroy();
      const stored = await stream.done.then(
        (object) => object.etag,
        () => null,
      );
      t.is((await bucket.head('key'))?.etag ?? null, stored);
      await bucket.remove('key');
    }
  });
};
