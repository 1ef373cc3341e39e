// Large objects read back as streams, from a store with all its zones or without one.
import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bucket, open, type Store } from 'strongroom';
import { Bodies } from './bodies.ts';
import { timed } from './flight.ts';

const bucketName = 'bench';

export class LargeGets implements AsyncDisposable {
  readonly #store: Store;
  readonly #bucket: Bucket;
  readonly #bodies: Bodies;
  readonly #count: number;

  /** Puts `count` objects of `size` bytes; without zone 2 the store is opened again lacking it. */
  static async create(
    path: string,
    { count, size, without2 }: { count: number; size: number; without2: boolean },
  ): Promise<LargeGets> {
    const rootKey = randomBytes(32);
    const bodies = new Bodies(size);
    // open() overwrites the key that it is given.
    const openOnce = (): Promise<Store> => open(path, { zones: 3, rootKey: Buffer.from(rootKey) });
    let store = await openOnce();
    for (let n = 0; n < count; n++) await store.bucket(bucketName).put(keyOf(n), bodies.body(n));
    if (without2) {
      await store.close();
      await rename(join(path, 'zone-2'), join(path, 'zone-2-lost'));
      store = await openOnce();
    }
    return new LargeGets(store, bodies, count);
  }

  private constructor(store: Store, bodies: Bodies, count: number) {
    this.#store = store;
    this.#bucket = store.bucket(bucketName);
    this.#bodies = bodies;
    this.#count = count;
  }

  /** Bytes per second over all objects, one after the other. */
  async rate(): Promise<number> {
    const seconds = await timed(async () => {
      for (let n = 0; n < this.#count; n++) {
        let length = 0;
        for await (const piece of await this.#get(n)) length += piece.length;
        if (length !== this.#bodies.size) throw new Error(`${keyOf(n)} is cut at ${length}`);
      }
    });
    return (this.#count * this.#bodies.size) / seconds;
  }

  /** Throws unless every byte reads back. Warms the page cache as well. */
  async check(): Promise<void> {
    for (let n = 0; n < this.#count; n++) {
      const expected = this.#bodies.body(n);
      let at = 0;
      for await (const piece of await this.#get(n)) {
        if (Buffer.compare(piece, expected.subarray(at, at + piece.length)) !== 0)
          throw new Error(`${keyOf(n)} has other bytes behind ${at}`);
        at += piece.length;
      }
      if (at !== expected.length) throw new Error(`${keyOf(n)} is cut at ${at}`);
    }
  }

  /** Counted by the engine. */
  async degradedReads(): Promise<number> {
    return (await this.#store.health.status()).degradedReads;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#store.close();
  }

  async #get(n: number): Promise<AsyncIterable<Uint8Array>> {
    const body = await this.#bucket.get(keyOf(n));
    if (body === null) throw new Error(`${keyOf(n)} is not there`);
    return body;
  }
}

function keyOf(n: number): string {
  return `large/${n}`;
}
