// Transaction: changes to any number of objects that appear together or not at all.
//
//   collect (bodies are sealed as they come) ──work returned──▶ settle ──▶ commit ──▶ over
//      └── work threw, a body failed, a signal, close() ──▶ interrupt, settle, dispose ──▶ over
//
// Memory is bounded: small bodies are held until their sum is 4 MiB, all others go to the zones at
// once. Before the commit nothing is visible, and a crash leaves files that no row names.
import { type KnownBucket, noSuchBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import type { Interruptible, StoreContext } from '../context/store-context.ts';
import { ownObjectRowKey } from '../engine/row-key.ts';
import type { Check, Effect } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { aborted, hear, unhear } from '../options.ts';
import { bucketForWrite, currentCheck } from './commit-object.ts';
import type { Condition } from './condition.ts';
import { asVersion } from './object-row.ts';
import { type Copied, TransactionSources } from './transaction-sources.ts';
import type { Sealed, Upload } from './upload.ts';
import { removalEffects, slotMayMove, type VersionSlot, versionSlot } from './version-slot.ts';

/** Bytes of small bodies that are held until the commit. */
const inlineMax = 4 << 20;
const changesMax = 1000;
/** With the small bodies well under what the engine takes in one commit, which is 8 MiB. */
const rowBytesMax = 3 << 20;

/** One key's change; of several on a key the one that was asked for last counts. */
interface Change {
  readonly bucket: string;
  readonly key: string;
  /** When it was asked for. */
  readonly place: number;
  readonly condition: Condition | null;
  /** Null: the key is removed. */
  readonly object: SealedBody | Copied | null;
}
interface SealedBody {
  readonly header: Uint8Array;
  readonly blob: Sealed['blob'];
}
/** What must hold for a key that is not changed here. */
interface Demand {
  readonly bucket: string;
  readonly key: string;
  readonly condition: Condition;
}

export class TransactionRun implements Interruptible {
  readonly context: StoreContext;
  readonly #buckets = new Map<string, KnownBucket>();
  readonly #changes = new Map<string, Change>();
  readonly #demands: Demand[] = [];
  readonly #uploads = new Set<Upload>();
  readonly #pending = new Set<Promise<unknown>>();
  #places = 0;
  #inlineLeft = inlineMax;
  #ended = false;
  /** The first thing that went wrong: from then on nothing can be committed. */
  #failure: { readonly error: unknown } | null = null;
  #rejectWork: (error: unknown) => void = () => {};

  constructor(context: StoreContext) {
    this.context = context;
  }

  /** Runs `work` and commits what it asked for. REQUIRES: called once. */
  async run<T>(work: () => T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const onAbort = () => this.interrupt(aborted(signal as AbortSignal));
    hear(signal, onAbort);
    this.context.interruptible.add(this);
    try {
      const result = await this.#collect(work);
      await this.#settle();
      if (this.#failure !== null) throw this.#failure.error;
      await this.#commit(signal);
      return result;
    } catch (error) {
      this.interrupt(new StoreError('ABORTED', 'the transaction ended without a commit'));
      throw error;
    } finally {
      await this.#settle();
      this.context.interruptible.delete(this);
      unhear(signal, onAbort);
      for (const change of this.#changes.values()) await dispose(change);
    }
  }

  /** What close() watches: a step for every change, and the bytes of the bodies on their way. */
  get moved(): number {
    let moved = this.#places;
    for (const upload of this.#uploads) moved += upload.moved;
    return moved;
  }

  interrupt(error: Error): void {
    this.#failure ??= { error };
    this.#rejectWork(this.#failure.error);
    for (const upload of this.#uploads) upload.interrupt(error);
  }

  /** One call on the transaction; InvalidArgument when it is over. What throws ends it. */
  call<T>(step: (place: number) => T): T {
    if (this.#ended) throw invalidArgument('transaction: it has ended');
    try {
      const answer = step(++this.#places);
      if (answer instanceof Promise) this.#watch(answer);
      return answer;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /**
   * The bucket, which every change then finds as it was. Looked for by `find` once: NoSuchBucket.
   */
  async bucket(
    name: string,
    find: (name: string) => Promise<KnownBucket> = (name) => this.context.buckets.require(name),
  ): Promise<KnownBucket> {
    const known = this.#buckets.get(name) ?? (await find(name));
    const first = this.#buckets.get(name) ?? known;
    this.#buckets.set(name, first);
    return first;
  }

  /** How many bytes may be held of a body of up to `size`; give back what is not used. */
  reserve(size: number): number {
    const granted = size <= this.#inlineLeft ? size : 0;
    this.#inlineLeft -= granted;
    return granted;
  }

  giveBack(bytes: number): void {
    this.#inlineLeft += bytes;
  }

  /** Lets interrupt() reach an upload while it is under way. */
  async during<T>(upload: Upload, seal: () => Promise<T>): Promise<T> {
    this.#uploads.add(upload);
    try {
      if (this.#failure !== null) throw this.#failure.error;
      return await seal();
    } finally {
      this.#uploads.delete(upload);
    }
  }

  async change(change: Change): Promise<void> {
    const id = `${change.bucket}\0${change.key}`;
    const before = this.#changes.get(id);
    if (before !== undefined && before.place > change.place) return this.#drop(change);
    if (before === undefined && this.#changes.size === changesMax) {
      await this.#drop(change);
      throw invalidArgument(`transaction: over ${changesMax} changes`);
    }
    this.#changes.set(id, change);
    if (before !== undefined) await this.#drop(before);
  }

  demand(demand: Demand): void {
    if (this.#demands.length === changesMax)
      throw invalidArgument(`transaction: over ${changesMax} demands`);
    this.#demands.push(demand);
  }

  async #drop(change: Change): Promise<void> {
    const { object } = change;
    if (object !== null && 'blob' in object && 'bytes' in object.blob)
      this.giveBack(object.blob.bytes.length);
    await dispose(change);
  }

  #collect<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#rejectWork = reject;
      if (this.#failure !== null) throw this.#failure.error;
      Promise.resolve(work()).then(resolve, reject);
    });
  }

  /** Bodies that `work` did not wait for are waited for here; nothing new is taken. */
  async #settle(): Promise<void> {
    this.#ended = true;
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  #watch(answer: Promise<unknown>): void {
    this.#pending.add(answer);
    answer.then(
      () => this.#pending.delete(answer),
      // Heard here, so that a put that nobody awaits is no unhandled rejection.
      (error) => {
        this.#failure ??= { error };
        this.#pending.delete(answer);
      },
    );
  }

  /** A bucket that moved is read again and the commit repeated, without a second upload. */
  async #commit(signal: AbortSignal | undefined): Promise<void> {
    const changes = [...this.#changes.values()];
    // Whether something besides the buckets may have moved.
    const reads =
      this.#demands.length > 0 ||
      changes.some(({ condition, object }) => condition !== null || isCopied(object));
    for (const { bucket, object } of changes)
      await this.bucket(isCopied(object) ? object.from.bucket : bucket); // NoSuchBucket
    for (const { bucket } of this.#demands) await this.bucket(bucket);
    for (;;) {
      const sources = new TransactionSources(this.context);
      try {
        return await this.#commitOnce(sources, signal);
      } catch (error) {
        // With a key it is our own refusal; without, a check of the commit did not hold.
        if (!StoreError.is(error, 'PreconditionFailed') || error.key !== undefined) throw error;
        const moved = await this.#readBucketsAgain();
        const slots = [...this.#buckets.values()].some((bucket) => slotMayMove(bucket, 'put'));
        if (!moved && !reads && !slots) throw error;
      } finally {
        sources.close();
      }
    }
  }

  async #commitOnce(sources: TransactionSources, signal: AbortSignal | undefined): Promise<void> {
    await this.#openSources(sources);
    const checks: Check[] = [...this.#buckets.values()].map(({ check }) => check);
    checks.push(...sources.checks);
    const conditions = [...this.#changes.values(), ...this.#demands];
    for (const each of conditions) {
      if (each.condition === null) continue;
      const verb = 'object' in each && each.object !== null ? 'put' : 'remove';
      const bucket = this.#buckets.get(each.bucket) as KnownBucket;
      checks.push(await currentCheck(this.context, bucket, each.key, each.condition, verb));
    }
    const slots = await this.#slots();
    for (const slot of slots) checks.push(...slot.checks);
    const ranges = slots.flatMap((slot) => slot.ranges);
    const effects = this.#effects(sources, slots);
    // The last moment to stop: what is committed stays, whatever the signal says.
    if (signal?.aborted) throw aborted(signal);
    if (this.#failure !== null) throw this.#failure.error;
    if (effects.length > 0) await this.context.engine.commit({ checks, ranges, effects });
  }

  /** Of the changes, in their order. */
  async #slots(): Promise<VersionSlot[]> {
    const slots: VersionSlot[] = [];
    for (const { bucket, key, object } of this.#changes.values()) {
      const known = this.#buckets.get(bucket) as KnownBucket;
      slots.push(await versionSlot(this.context, known, key, object === null ? 'remove' : 'put'));
    }
    return slots;
  }

  /** All sources first: what cannot be copied makes no bucket. NoSuchKey, NoSuchBucket. */
  async #openSources(sources: TransactionSources): Promise<void> {
    const changes = [...this.#changes.values()];
    for (const { object } of changes)
      if (isCopied(object))
        await sources.open(this.#buckets.get(object.from.bucket) as KnownBucket, object);
    if (sources.inlineBytes > this.#inlineLeft)
      throw invalidArgument(`transaction: over ${inlineMax} bytes of small bodies to be copied`);
    for (const { bucket, key, condition, object } of changes)
      if (isCopied(object))
        await this.bucket(bucket, (name) =>
          bucketForWrite(this.context, name, { key, condition, signal: object.plan.signal }),
        );
  }

  #effects(sources: TransactionSources, slots: readonly VersionSlot[]): Effect[] {
    const modified = this.context.now();
    const effects = [...this.#changes.values()].flatMap(({ bucket, key, object }, i): Effect[] => {
      const known = this.#buckets.get(bucket) as KnownBucket;
      const slot = slots[i] as VersionSlot;
      if (object === null) return removalEffects(this.context, known, key, slot);
      const { kek, row } = known;
      const { header, blob } = isCopied(object) ? copyOf(sources, object, known) : object;
      const type = isCopied(object) ? 'ObjectCreated:Copy' : 'ObjectCreated:Put';
      const written = {
        key: ownObjectRowKey(row.id, key),
        modified,
        body: asVersion(header, slot.next),
        blob: 'bytes' in blob ? { bytes: blob.bytes, kek } : blob,
        keepOld: slot.next.keepOld,
        event: eventOf(this.context, known, type, key, modified),
      };
      return [written, ...slot.effects];
    });
    if (rowBytesOf(effects) > rowBytesMax)
      throw invalidArgument(`transaction: over ${rowBytesMax} bytes of keys, headers and metadata`);
    return effects;
  }

  /** Whether one of them moved. What was sealed for a bucket that is gone fits no other. */
  async #readBucketsAgain(): Promise<boolean> {
    let moved = false;
    for (const [name, bucket] of this.#buckets) {
      const now = await this.context.buckets.require(name); // NoSuchBucket
      if (!now.isSame(bucket)) throw noSuchBucket(name);
      moved ||= now.check.revision !== bucket.check.revision;
      this.#buckets.set(name, now);
    }
    return moved;
  }
}

function isCopied(object: Change['object']): object is Copied {
  return object !== null && 'from' in object;
}

function rowBytesOf(effects: readonly Effect[]): number {
  let size = 0;
  for (const effect of effects) {
    size += effect.key.length + (effect.event?.body.length ?? 0);
    if ('body' in effect) size += effect.body.length;
  }
  return size;
}

function copyOf(sources: TransactionSources, copied: Copied, target: KnownBucket): SealedBody {
  const { header, source } = sources.object(copied, target);
  return { header, blob: { source, kek: target.kek } };
}

/** A no-op for what a commit has taken. */
async function dispose({ object }: Change): Promise<void> {
  if (object !== null && 'blob' in object && 'dispose' in object.blob) await object.blob.dispose();
}
