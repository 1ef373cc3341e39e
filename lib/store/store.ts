// Store: the facade over one engine. open.ts makes it; bucket handles come from it; close() ends
// it.
import type { Writable } from 'node:stream';
import { createBucket } from '../bucket/create.ts';
import { type ListBucketsOptions, listBuckets } from '../bucket/list.ts';
import type { BucketInfo, CreateBucketOptions } from '../bucket/types.ts';
import type { Interruptible, StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import {
  runTransaction,
  type Transaction,
  type TransactionOptions,
} from '../object/transaction-bucket.ts';
import { type BackupOptions, type BackupReport, runBackup } from './backup.ts';
import { Bucket } from './bucket.ts';
import { type Checkpoint, takeCheckpoint } from './checkpoint.ts';
import { Health } from './health.ts';

/** How often close() looks whether the calls inside get on. */
const lookMs = 500;
/** A body that moves no byte for so long while the store closes is interrupted. */
const patienceMs = 5000;
/** No body keeps a store open for longer. */
const closeMsMax = 60_000;
/** How long close() then waits for interrupted calls to let go. */
const farewellMs = 1000;

/**
 * An open store. Close it, or let `await using` do so; a process that does neither still exits, and
 * nothing acknowledged is lost.
 *
 * @example
 * ```ts
 * import { open } from 'strongroom';
 *
 * const store = await open('./data');
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
    this.health = new Health(context, this);
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
   * Changes to any number of objects, in any buckets, that appear together or not at all. Bodies
   * are sealed as they are handed over, and `work` may take its time; then one commit checks every
   * condition and makes all changes. When `work` throws, a body fails, a condition does not hold or
   * the signal fires, nothing has changed and nothing is left, but for buckets that a put has made.
   * Reads are not part of it: demand what you have read with `require`.
   *
   * @throws {StoreError} what the verbs throw; InvalidArgument above 1000 changes, or 3 MiB of
   * keys, headers and metadata; PreconditionFailed, FileAlreadyExists, ABORTED, STORE_CLOSED,
   * STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const draft = await store.bucket('drafts').put('report', 'the text');
   * await store.transaction(async (tx) => {
   *   tx.bucket('drafts').require('report', { etag: draft.etag });
   *   await tx.bucket('reports').put('2025/report', 'the text');
   *   tx.bucket('drafts').remove('report');
   * });
   * ```
   */
  transaction<T>(
    work: (tx: Transaction) => T | Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    return runTransaction(this.#context, work, options);
  }

  /**
   * Commits a row that names this moment, and tells what `open({ notBefore })` needs to demand it.
   * Keep it elsewhere: whoever sets all zones back to an older copy, which no zone can tell, does
   * not hold the row. A store keeps the newest 1,000.
   *
   * @throws {StoreError} STORE_CLOSED, STORE_READ_ONLY, STORE_FULL, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const checkpoint = await store.checkpoint();
   * console.log(JSON.stringify(checkpoint)); // for notBefore of the next open()
   * ```
   */
  checkpoint(): Promise<Checkpoint> {
    return takeCheckpoint(this.#context);
  }

  /**
   * Makes the directory a backup: the whole store as it is at one moment, while it is in use. Where
   * it holds one already, only what came since is written. It is restored by an ordinary
   * `open(dest, { zones: 1, rootKey })`, with the root key of this store. What is written is read
   * back from the disk before it counts; a crash at any moment leaves the backup before usable. One
   * that was opened and written to is a store of its own, and no backup any more.
   *
   * A stream is sent the whole backup as a tar archive of that directory, and ended; extracted by
   * `tar -x` it is opened like one. Until the backup is proven, in a spool on disk, nothing is sent
   * and the stream is left as it is. If something fails later it is destroyed: an archive that was
   * cut short extracts to what no open() takes for a store.
   * @throws {StoreError} InvalidArgument: the directory holds something else, or lies in a zone;
   *   ZONE_FOREIGN: a backup of another store; STORE_ROLLED_BACK: it holds what this store does
   *   not; STORE_LOCKED: it is open; STORE_FULL, STORE_IO, ZONE_UNAVAILABLE: its disk;
   *   STORE_CORRUPT, DECRYPT_FAILED: something that lives is damaged in every zone; ABORTED,
   *   STORE_CLOSED
   * @example
   * ```ts
   * import { open } from 'strongroom';
   *
   * await using store = await open('./data');
   * const { sequence, bytes } = await store.backup('./backup');
   * console.log(`up to ${sequence}, ${bytes} bytes written`);
   * ```
   */
  async backup(dest: string | URL | Writable, options: BackupOptions = {}): Promise<BackupReport> {
    return runBackup(this.#context, dest, options);
  }

  /**
   * Refuses new calls (STORE_CLOSED), settles those in flight, then closes the engine. A body of
   * which no byte arrives or leaves for 5 seconds is interrupted, any body after 60. Idempotent.
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
    await settle(context);
    // What is left: bodies that nobody reads, which are no calls, and those that take too long.
    for (const call of context.interruptible) call.interrupt(new StoreError('STORE_CLOSED'));
    await context.emptied(farewellMs);
    await context.engine.close();
  }
}

/** Waits for the calls inside, and interrupts those whose body has stalled. */
async function settle(context: StoreContext): Promise<void> {
  const seen = new Map<Interruptible, { readonly moved: number; readonly since: number }>();
  const started = performance.now();
  while (!(await context.emptied(lookMs))) {
    const now = performance.now();
    if (now - started > closeMsMax) return;
    for (const call of context.interruptible) {
      const { moved } = call;
      const last = seen.get(call);
      if (last?.moved !== moved) seen.set(call, { moved, since: now });
      else if (now - last.since >= patienceMs) call.interrupt(new StoreError('STORE_CLOSED'));
    }
  }
}
