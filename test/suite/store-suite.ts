// The conformance suite of a store: what put, get, head, has, remove, list and buckets promise,
// whatever engine lies below. memory.test.ts and embedded.test.ts run it.
import { Blob } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext, TestFn } from 'ava';
import { crc64 } from '../../lib/engine/crc64.ts';
import { type ErrorCode, type OpenOptions, type Store, StoreError } from '../../lib/index.ts';

export type OpenStore = (
  t: ExecutionContext,
  options?: Pick<OpenOptions, 'autoCreateBuckets' | 'clock' | 'logger'>,
) => Promise<Store>;

const small = 1000;
const stripe = 256 * 1024;
const sizes = [0, 1, 65_535, 65_536, 65_537, stripe - 1, stripe, stripe + 1, 3 * stripe + 17];
const megabyte = 1 << 20;

/** Declares the suite's tests for one kind of store. `openStore` closes what it opens. */
export function storeSuite(test: TestFn, name: string, openStore: OpenStore): void {
  const withStore = (
    title: string,
    body: (t: ExecutionContext, store: Store) => Promise<void>,
    options?: Parameters<OpenStore>[1],
  ) => test(`${name}: ${title}`, async (t) => body(t, await openStore(t, options)));

  withStore('stores and returns bodies of every size', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of sizes) {
      const bytes = randomBytes(size);
      const put = await bucket.put(`size-${size}`, bytes);
      t.is(put.size, size);
      t.is(put.checksums.crc64, crc64(bytes));
      const got = await found(bucket.get(`size-${size}`));
      t.is(got.etag, put.etag);
      t.deepEqual(Buffer.from(await got.bytes()), bytes);
    }
  });

  withStore('takes every kind of body', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [small, 2 * megabyte + 5]) {
      const bytes = randomBytes(size);
      for (const [kind, body] of Object.entries(bodies(bytes))) {
        await bucket.put(kind, body);
        const got = await found(bucket.get(kind));
        t.true(Buffer.from(await got.bytes()).equals(bytes), `${kind} of ${size} bytes`);
      }
    }
  });
}

/** The same bytes in every form that put() takes. */
function bodies(bytes: Buffer) {
  const copy = (): ArrayBuffer => new Uint8Array(bytes).buffer as ArrayBuffer;
  const pieces = () => pieceSizes(bytes.length).map(([from, to]) => bytes.subarray(from, to));
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return {
    buffer: bytes,
    view: new DataView(copy()),
    arrayBuffer: copy(),
    sharedArrayBuffer: shared,
    sharedView: new Uint8Array(shared),
    blob: new Blob([bytes]),
    array: pieces(),
    readable: Readable.from(pieces()),
    readableOfOne: Readable.from([bytes]),
    webStream: ReadableStream.from(pieces()),
    response: new Response(bytes),
    asyncIterable: (async function* () {
      for (const piece of pieces()) yield piece;
    })(),
    reusedBuffer: (async function* () {
      const buffer = new Uint8Array(70_000);
      for (const piece of pieces()) {
        for (let at = 0; at < piece.length; at += buffer.length) {
          const part = piece.subarray(at, at + buffer.length);
          buffer.set(part);
          yield buffer.subarray(0, part.length);
          buffer.fill(0xee);
        }
      }
    })(),
  };
}

/** Pieces of many sizes, empty ones among them. */
function pieceSizes(size: number): [number, number][] {
  const sizes = [1, 0, 7, 65_536, 300_000, 13, 1_200_000, 0, 65_536];
  const ranges: [number, number][] = [];
  for (let at = 0, i = 0; at < size; i++) {
    const end = Math.min(at + (sizes[i % sizes.length] ?? 1), size);
    ranges.push([at, end]);
    at = end;
  }
  return ranges;
}

/** The object, which must be there. */
async function found<T>(promise: Promise<T | null>): Promise<T> {
  const object = await promise;
  if (object === null) throw new Error('the object is missing');
  return object;
}
