// Store: the facade over one engine. open.ts makes it; bucket handles come from it; close() ends
// it.

import { createBucket } from '../bucket/create.ts';
import { type ListBucketsOptions, listBuckets } from '../bucket/list.ts';
import type { BucketInfo, CreateBucketOptions } from '../bucket/types.ts';
import type { StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import { Bucket } from './bucket.ts';
import { Health } from './health.ts';

/** How long close() waits for calls inside before it interrupts those that wait for a body. */
const patienceMs = 5000;
/** How long it then waits for them to let go. */
const farewellMs = 1000;

/**
 * An open store. Close it, or let `await using` do so; a process that does neither still exits, and
 * nothing acknowledged is lost.
 *
 * @example
 * ```ts
 * import { open } from 'strongroom';
 *
 * const store = await open('../data');
 * try {
 *   await store.bucket('docs').put('hello.txt', 'hi');
 * } finally {
 *   await store.close();
 * }
 * ```
 */
export class Store implements AsyncDisposable {
  /** As given to open(), made absolute; ':memory:' for openMemory(). */
  readonly path: string;
  readonly formatVersion: number;
  /** Zones, degraded reads and what else an operator looks at. */
  readonly health: Health;
  readonly #context: StoreContext;
  #closing: Promise<void> | null = null;

  /** @internal */
  constructor(path: string, context: StoreContext) {
    this.path = path;
    this.formatVersion = context.engine.formatVersion;
    this.#context = context;
    this.health = new Health(context);
  }

  /** A handle on a bucket: no I/O, never throws for a missing one. */
  bucket(name: string): Bucket {
    return new Bucket(this, this.#context, name);
  }

  /**
   * Creates a bucket.
   * @throws {StoreError} BucketAlreadyExists, InvalidBucketName, InvalidArgument, ABORTED,
   * STORE_CLOSED, STORE_READ_ONLY, COMMIT_UNKNOWN
   */
  async createBucket(name: string, options?: CreateBucketOptions): Promise<Bucket> {
    await createBucket(this.#context, name, options);
    return this.bucket(name);
  }

  /** The store's buckets in order of their names. */
  buckets(options?: ListBucketsOptions): AsyncIterable<BucketInfo> {
    return listBuckets(this.#context, options);
  }

  /**
   * Refuses new calls (STORE_CLOSED), settles those in flight, then closes the engine. A body that
   * neither arrives nor leaves is interrupted after 5 seconds. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const context = this.#context;
    context.shut();
    if (!(await context.emptied(patienceMs))) {
      for (const call of context.interruptible) call.interrupt(new StoreError('STORE_CLOSED'));
      await context.emptied(farewellMs);
    }
    // Bodies that were opened and not read are nobody's call; they end here.
    for (const call of context.interruptible) call.interrupt(new StoreError('STORE_CLOSED'));
    await context.engine.close();
  }
}
