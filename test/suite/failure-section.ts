// Puts and gets that fail: whatever goes wrong, it has a typed error and leaves no trace.
import { Blob } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { Body, Bucket, PutOptions, Store } from '../../lib/index.ts';
import { found, megabyte, rejection, type Section } from './support.ts';

/**
 * A bucket in which `key` holds 'before', and a check that it still does and nothing else is there.
 */
async function standing(store: Store): Promise<[Bucket, (t: ExecutionContext) => Promise<void>]> {
  const bucket = store.bucket('docs');
  const { etag } = await bucket.put('key', 'before');
  const unchanged = async (t: ExecutionContext) => {
    t.deepEqual(
      (await bucket.list().toArray()).map((object) => [object.key, object.etag]),
      [['key', etag]],
    );
    t.is(await (await found(bucket.get('key'))).text(), 'before');
  };
  return [bucket, unchanged];
}

/** ES2024, which Node 20 has and the library's target has not. */
const Resizable = ArrayBuffer as unknown as new (
  size: number,
  options: { maxByteLength: number },
) => ArrayBuffer;

const boom = new Error('boom');

/** Yields `size` bytes in pieces, then does what `then` does. */
async function* piecesThen(size: number, then: () => unknown): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= 65_536) yield randomBytes(Math.min(left, 65_536));
  await then();
}

function fails(): never {
  throw boom;
}

export const failureSection: Section = (withStore) => {
  for (const size of [0, 100_000, 2 * megabyte]) {
    withStore(`leaves nothing when a stream fails after ${size} bytes`, async (t, store) => {
      const [bucket, unchanged] = await standing(store);
      const bodies: Record<string, () => Body> = {
        generator: () => piecesThen(size, fails),
        readable: () => Readable.from(piecesThen(size, fails)),
        'web stream': () => ReadableStream.from(piecesThen(size, fails)),
        response: () => new Response(ReadableStream.from(piecesThen(size, fails)) as never),
        destroyed: () => {
          const stream = Readable.from(piecesThen(size, () => stream.destroy(boom)));
          return stream;
        },
      };
      for (const [kind, body] of Object.entries(bodies)) {
        const error = await rejection(t, bucket.put('key', body()), 'IncompleteBody', kind);
        t.is(error.cause, boom, kind);
        await unchanged(t);
      }
    });

    withStore(`leaves nothing when a stream goes away after ${size} bytes`, async (t, store) => {
      const [bucket, unchanged] = await standing(store);
      const stream = new PassThrough();
      stream.write(new Uint8Array(size));
      const put = bucket.put('key', stream);
      await turn();
      stream.destroy();
      await rejection(t, put, 'IncompleteBody');
      await unchanged(t);
    });
  }

  withStore('leaves nothing when the body has another size than announced', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    for (const size of [10, 300_000, 2 * megabyte]) {
      const bytes = new Uint8Array(size);
      const bodies: Record<string, () => Body> = {
        bytes: () => bytes,
        readable: () => Readable.from([bytes]),
        blob: () => new Blob([bytes]),
      };
      for (const [kind, body] of Object.entries(bodies)) {
        for (const announced of [0, size - 1, size + 1])
          await rejection(
            t,
            bucket.put('key', body(), { size: announced }),
            'IncompleteBody',
            kind,
          );
        await unchanged(t);
        await t.notThrowsAsync(bucket.put('other', body(), { size }));
        await bucket.remove('other');
      }
    }
  });

  withStore('refuses streams that were read or taken already', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const readable = Readable.from(['text']);
    await readable.toArray();
    await rejection(t, bucket.put('key', readable), 'IncompleteBody');
    const destroyed = Readable.from(['text']);
    destroyed.destroy();
    await rejection(t, bucket.put('key', destroyed), 'IncompleteBody');
    const response = new Response('text');
    await response.text();
    await rejection(t, bucket.put('key', response), 'IncompleteBody');
    const locked = ReadableStream.from(['text']);
    locked.getReader();
    await t.throwsAsync(bucket.put('key', locked), { instanceOf: TypeError });
    const missing = createReadStream('/there/is/no/such/file');
    const error = await rejection(t, bucket.put('key', missing), 'IncompleteBody');
    t.is((error.cause as NodeJS.ErrnoException).code, 'ENOENT');
    await unchanged(t);
  });

  withStore('refuses what has no bytes in it with a TypeError', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const bad: [unknown, RegExp][] = [
      [undefined, /not undefined/],
      [7, /not number/],
      [true, /not boolean/],
      [() => 'text', /not function/],
      [{ a: 1 }, /plain object: use JSON.stringify/],
      [Promise.resolve('text'), /await it/],
      [new Date(), /type Date/],
      [[1, 2, 3], /yield bytes, not number/],
      [Readable.from([{ a: 1 }]), /yield bytes, not a plain object/],
      [ReadableStream.from([7]), /yield bytes, not number/],
      [new Map([[1, 2]]), /yield bytes, not an object of type Array/],
    ];
    for (const [body, message] of bad)
      await t.throwsAsync(bucket.put('key', body as Body), { instanceOf: TypeError, message });
    await rejection(t, bucket.put('key', 'a\ud800'), 'InvalidArgument');
    await rejection(t, bucket.put('key', Readable.from(['a\ud800'])), 'InvalidArgument');
    await unchanged(t);
  });

  withStore('refuses unknown and unfit options', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const put = (options: object) => bucket.put('key', 'text', options as PutOptions);
    const unknown = await rejection(t, put({ contenttype: 'a/b' }), 'InvalidArgument');
    t.regex(unknown.message, /"contenttype"; did you mean "contentType"\?/);
    t.regex(
      (await rejection(t, put({ zzzzzzzzzz: 1 }), 'InvalidArgument')).message,
      /"zzzzzzzzzz"$/,
    );
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])
      await rejection(t, put({ size }), 'InvalidArgument');
    for (const options of [{ size: '4' }, { onProgress: 1 }, { signal: {} }, { contentType: 7 }])
      await t.throwsAsync(put(options), { instanceOf: TypeError });
    for (const options of [null, 'text', [], 7])
      await t.throwsAsync(put(options as object), { instanceOf: TypeError });
    await rejection(t, bucket.get('key', { rnage: 1 } as object), 'InvalidArgument');
    await rejection(t, bucket.head('key', { range: 1 } as object), 'InvalidArgument');
    await rejection(t, bucket.list({ maxKeys: 1 } as object).toArray(), 'InvalidArgument');
    await rejection(t, bucket.remove('key', { force: 1 } as object), 'InvalidArgument');
    await rejection(t, bucket.delete({ forse: true } as object), 'InvalidArgument');
    await rejection(t, store.createBucket('new', { acl: 1 } as object), 'InvalidArgument');
    await t.throwsAsync(store.createBucket('new', { ifNotExists: 1 } as never), {
      instanceOf: TypeError,
    });
    await unchanged(t);
  });

  withStore('leaves nothing of an aborted put, whenever it is aborted', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const reason = new Error('enough');
    await abortedPut('before the call', 'text', (controller) => controller.abort(reason));
    for (const [when, afterBytes] of Object.entries({
      first: 0,
      early: 100_000,
      late: 3 * megabyte,
    })) {
      let abort = () => {};
      const stall = () => {
        abort();
        return new Promise<void>(() => {});
      };
      const bodies: Record<string, Body> = {
        generator: piecesThen(afterBytes, stall),
        readable: Readable.from(piecesThen(afterBytes, stall)),
        'web stream': ReadableStream.from(piecesThen(afterBytes, stall)),
      };
      for (const [kind, body] of Object.entries(bodies))
        await abortedPut(`${when}, ${kind}`, body, (controller) => {
          abort = () => controller.abort(reason);
        });
    }

    async function abortedPut(
      about: string,
      body: Body,
      arm: (controller: AbortController) => void,
    ): Promise<void> {
      const controller = new AbortController();
      arm(controller);
      const error = await rejection(
        t,
        bucket.put('key', body, { signal: controller.signal }),
        'ABORTED',
        about,
      );
      t.is(error.name, 'AbortError');
      t.is(error.cause, reason);
      await unchanged(t);
    }
  });

  withStore('lets go of the body of a failed put', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const readable = Readable.from(piecesThen(megabyte, () => sleep(60_000, null, { ref: false })));
    const controller = new AbortController();
    const put = bucket.put('key', readable, { signal: controller.signal });
    await turn();
    controller.abort();
    await rejection(t, put, 'ABORTED');
    t.true(readable.destroyed);

    let cancelled = false;
    const web = new ReadableStream({
      cancel() {
        cancelled = true;
      },
    });
    await rejection(t, bucket.put('/bad', web), 'InvalidObjectName');
    t.true(cancelled);
    const late = Readable.from(['text']);
    await rejection(t, bucket.put('key', late, { metadata: { 'a b': '' } }), 'InvalidArgument');
    t.true(late.destroyed);
    // Its error comes when the put is over already, and must not end the process.
    const missing = createReadStream('/there/is/no/such/file');
    await rejection(t, bucket.put('/bad', missing), 'InvalidObjectName');
    await new Promise<void>((resolve) => missing.once('close', resolve));
  });

  withStore('lets go of an iterable that it will not finish, and of no other', async (t, store) => {
    const bucket = await store.createBucket('docs');
    let returned = 0;
    const iterable = (count: number, isAsync: boolean): Body => {
      let left = count;
      const iterator = {
        next: () => ({ done: left === 0, value: new Uint8Array(left-- === 0 ? 0 : 65_536) }),
        return: () => {
          returned++;
          return { done: true, value: undefined };
        },
      };
      const asyncIterator = {
        next: async () => iterator.next(),
        return: async () => iterator.return(),
      };
      return (
        isAsync
          ? { [Symbol.asyncIterator]: () => asyncIterator }
          : { [Symbol.iterator]: () => iterator }
      ) as Body;
    };
    for (const isAsync of [false, true])
      for (const count of [2, 40]) {
        await bucket.put('key', iterable(count, isAsync));
        t.is(returned, 0, 'an iterable that has ended needs no return()');
        const size = 65_536;
        await rejection(t, bucket.put('key', iterable(count, isAsync), { size }), 'IncompleteBody');
        t.is(returned, 1);
        await rejection(t, bucket.put('/bad', iterable(count, isAsync)), 'InvalidObjectName');
        t.is(returned, 2);
        returned = 0;
      }
  });

  withStore('leaves nothing of an upload over HTTP that is cut off', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const outcomes: unknown[] = [];
    const server = createServer((request, response) => {
      bucket
        .put('key', request)
        .catch((error) => outcomes.push(error.code))
        .finally(() => response.destroy());
    });
    t.teardown(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    for (const size of [1000, 2 * megabyte]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size + 1}\r\n\r\n`);
      socket.write(new Uint8Array(size), () => socket.destroy());
      await once(socket, 'close');
      while (outcomes.length === 0) await sleep(5);
      t.deepEqual(outcomes.splice(0), ['IncompleteBody']);
      await unchanged(t);
    }
  });

  withStore(
    'either stores or leaves nothing when a small put is aborted in flight',
    async (t, store) => {
      const [bucket] = await standing(store);
      for (let round = 0; round < 30; round++) {
        const key = `round-${round}`;
        const controller = new AbortController();
        const put = bucket.put(key, 'text', { signal: controller.signal });
        for (let turns = round % 5; turns > 0; turns--) await Promise.resolve();
        controller.abort();
        const stored = await put.then(
          () => true,
          () => false,
        );
        t.is(await bucket.has(key), stored);
      }
    },
  );

  withStore('stores nothing when a put is aborted before its commit', async (t, store) => {
    for (const name of ['missing', 'missing-too']) {
      const controller = new AbortController();
      const put = store.bucket(name).put('key', 'text', { signal: controller.signal });
      controller.abort();
      await rejection(t, put, 'ABORTED');
      t.false(await store.bucket(name).exists());
    }
  });

  withStore('makes no bucket for an object that cannot come to be', async (t, store) => {
    const bucket = store.bucket('missing');
    for (const body of ['text', new Uint8Array(megabyte)])
      for (const onlyIf of [{ etag: 'a' }, { unmodifiedSince: new Date() }])
        await rejection(t, bucket.put('key', body, { onlyIf }), 'PreconditionFailed');
    t.false(await bucket.exists());
    // The bucket's key seals the body, so it stands before the body is read, and stays.
    await rejection(t, bucket.put('key', piecesThen(10, fails)), 'IncompleteBody');
    t.deepEqual(await bucket.list().toArray(), []);
  });

  withStore('aborts a get before and while it is read', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', new Uint8Array(5 * megabyte));
    await rejection(t, bucket.get('key', { signal: AbortSignal.abort() }), 'ABORTED');
    await rejection(t, bucket.head('key', { signal: AbortSignal.abort() }), 'ABORTED');
    await rejection(t, bucket.remove('key', { signal: AbortSignal.abort() }), 'ABORTED');
    await rejection(t, bucket.list({ signal: AbortSignal.abort() }).toArray(), 'ABORTED');
    t.true(await bucket.has('key'));

    const controller = new AbortController();
    const body = await found(bucket.get('key', { signal: controller.signal }));
    const error = await rejection(
      t,
      (async () => {
        for await (const _ of body) controller.abort();
      })(),
      'ABORTED',
    );
    t.is(error.name, 'AbortError');

    const streaming = new AbortController();
    const stream = (await found(bucket.get('key', { signal: streaming.signal }))).stream();
    const reader = stream.getReader();
    await reader.read();
    streaming.abort();
    await rejection(t, reader.read(), 'ABORTED');

    const listing = new AbortController();
    const pages = bucket.list({ signal: listing.signal }).pages()[Symbol.asyncIterator]();
    listing.abort();
    await rejection(t, pages.next() as Promise<unknown>, 'ABORTED');
  });

  withStore('keeps small bodies as they were when put was called', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const exists of [false, true]) {
      if (!exists) await bucket.delete({ force: true }).catch(() => {});
      const bytes = randomBytes(100_000);
      const before = Buffer.from(bytes);
      const put = bucket.put('key', bytes);
      bytes.fill(0);
      await put;
      t.true(before.equals(await (await found(bucket.get('key'))).bytes()));
    }
    const buffer = randomBytes(100_000).buffer.slice(0, 65_536) as ArrayBuffer;
    const before = Buffer.from(new Uint8Array(buffer));
    const put = bucket.put('key', buffer);
    structuredClone(buffer, { transfer: [buffer] });
    t.is(buffer.byteLength, 0);
    await put;
    t.true(before.equals(await (await found(bucket.get('key'))).bytes()));
    // What is transferred away already is not an empty body.
    await rejection(t, bucket.put('key', buffer), 'IncompleteBody');
    t.true(before.equals(await (await found(bucket.get('key'))).bytes()));
  });

  withStore('stores whole or not at all when a large buffer goes away', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const transferred = new ArrayBuffer(8 * megabyte);
    const put = bucket.put('key', transferred);
    structuredClone(transferred, { transfer: [transferred] });
    await rejection(t, put, 'IncompleteBody');
    await unchanged(t);

    const resizable = new Resizable(8 * megabyte, { maxByteLength: 9 * megabyte });
    for (const view of [resizable, new Uint8Array(resizable)]) {
      const shrinking = bucket.put('key', view);
      (resizable as unknown as { resize(size: number): void }).resize(megabyte);
      await rejection(t, shrinking, 'IncompleteBody');
      await unchanged(t);
      (resizable as unknown as { resize(size: number): void }).resize(8 * megabyte);
    }
    const growing = bucket.put('other', resizable);
    (resizable as unknown as { resize(size: number): void }).resize(9 * megabyte);
    t.is((await growing).size, 8 * megabyte);

    // Changed meanwhile: some mixture, but one that checks out.
    const changing = new Uint8Array(8 * megabyte);
    const changed = bucket.put('other', changing);
    changing.fill(1);
    await changed;
    t.is((await (await found(bucket.get('other'))).bytes()).length, 8 * megabyte);
  });

  withStore('stores whole or not at all when a piece goes away', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const full = 6 * megabyte;
    let refused = 0;
    for (const size of [undefined, full])
      for (const to of [0, megabyte, 5 * megabyte + 7, 7 * megabyte, 'away'] as const)
        for (const turns of [0, 1, 2, 5, 10]) {
          const buffer = new Resizable(full, { maxByteLength: 7 * megabyte });
          const body = (async function* () {
            void later(buffer, to, turns);
            yield new Uint8Array(buffer);
          })();
          const about = `${to} after ${turns}, announced ${size}`;
          const put = bucket.put('other', body, size === undefined ? {} : { size });
          const stored = await put.catch((error) => {
            t.is(error.code, 'IncompleteBody', `${about}: ${error}`);
            return null;
          });
          if (stored === null) refused++;
          // What had shrunk or grown before it was handed over is a body of that size.
          else if (stored.size !== to) t.is(stored.size, full, about);
          await bucket.remove('other');
        }
    t.true(refused > 0);
    await unchanged(t);

    async function later(buffer: ArrayBuffer, to: number | 'away', turns: number): Promise<void> {
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      if (to === 'away') structuredClone(buffer, { transfer: [buffer] });
      else (buffer as unknown as { resize(size: number): void }).resize(to);
    }
  });

  withStore('lets the process go on while a body comes without a pause', async (t, store) => {
    const [bucket, unchanged] = await standing(store);
    const bodies: Record<string, () => Body> = {
      empties: function* () {
        for (;;) yield new Uint8Array(0);
      },
      'async empties': async function* () {
        for (;;) yield new Uint8Array(0);
      },
      bytes: function* () {
        for (;;) yield Uint8Array.of(1);
      },
      large: function* () {
        const piece = new Uint8Array(megabyte);
        for (;;) yield piece;
      },
    };
    for (const [kind, body] of Object.entries(bodies)) {
      // The timer of the signal runs only when the upload lets it.
      const signal = AbortSignal.timeout(20);
      await rejection(t, bucket.put('key', body(), { signal }), 'ABORTED', kind);
    }
    await unchanged(t);
  });
};
