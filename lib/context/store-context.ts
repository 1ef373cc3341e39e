// What every verb is given: the engine, the buckets known so far, the clock, and the door, which
// counts the calls inside so that close() can wait for them.
import type { ChangeWait, StorageEngine } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { BucketDirectory, type KnownBucket } from './bucket-directory.ts';
import { EventTrimmer } from './event-trimmer.ts';
import type { Events } from './events.ts';

/** A call that waits for its caller (a body that must be sent or fetched) and can be cut short. */
export interface Interruptible {
  /** Bytes so far: what does not grow is stalled. */
  readonly moved: number;
  interrupt(error: Error): void;
}

export class StoreContext {
  readonly engine: StorageEngine;
  readonly events: Events;
  readonly buckets: BucketDirectory;
  readonly autoCreateBuckets: boolean;
  /** Wall time in milliseconds. */
  readonly now: () => number;
  readonly eventTrimmer: EventTrimmer = new EventTrimmer(this);
  /** Uploads and open bodies: what close() interrupts when it has waited long enough. */
  readonly interruptible: Set<Interruptible> = new Set();
  /** Of those who are inside no call, since they wait for somebody else's. */
  readonly waits: Set<ChangeWait> = new Set();
  #inside = 0;
  #closed = false;
  #emptied: (() => void) | null = null;

  constructor(
    engine: StorageEngine,
    events: Events,
    options: { readonly autoCreateBuckets: boolean; readonly now: () => number },
  ) {
    this.engine = engine;
    this.events = events;
    this.autoCreateBuckets = options.autoCreateBuckets;
    this.now = options.now;
    this.buckets = new BucketDirectory(engine);
  }

  /** Every call comes in here and goes out by leave(). Throws STORE_CLOSED. */
  enter(): void {
    if (this.#closed) throw new StoreError('STORE_CLOSED');
    this.#inside++;
  }

  leave(): void {
    this.#inside--;
    if (this.#inside === 0) this.#emptied?.();
  }

  /** A part of something longer, as a call of its own: close() waits for no more than it. */
  async step<T>(work: () => Promise<T>): Promise<T> {
    this.enter(); // STORE_CLOSED
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** From now on enter() refuses, and nobody waits for changes. */
  shut(): void {
    this.#closed = true;
    for (const wait of this.waits) wait.stop();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when no call is inside, or after `ms`: true when empty. */
  async emptied(ms: number): Promise<boolean> {
    if (this.#inside === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#emptied = null;
    return this.#inside === 0;
  }
}

/**
 * Reads under a bucket as it stands. `read` passes the bucket's check to the engine; if the bucket
 * moved since it was last seen, it is read again and `read` repeated. NoSuchBucket.
 */
export async function underBucket<T>(
  context: StoreContext,
  name: string,
  read: (bucket: KnownBucket) => Promise<T>,
): Promise<T> {
  let bucket = context.buckets.known(name) ?? (await context.buckets.require(name));
  for (;;) {
    try {
      return await read(bucket);
    } catch (error) {
      bucket = await context.buckets.moved(bucket, error);
    }
  }
}
