// What a transaction's work is handed: the verbs, which check their arguments at once and leave the
// rest to the run.
import type { StoreContext } from '../context/store-context.ts';
import { checkBucketName } from '../name/bucket-name.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { checkOptions, checkSignal } from '../options.ts';
import { type OpenedBody, openBody, piecesOf, WholeBytes, WholePieces } from './body.ts';
import { bucketForWrite } from './commit-object.ts';
import { putCondition, removeCondition } from './condition.ts';
import { copySourceOf, placeOf, planCopy } from './copy.ts';
import { withChecksums } from './object-row.ts';
import type { Pieces } from './pieces.ts';
import { ProgressMeter } from './progress.ts';
import { type PutPlan, planPut } from './put-plan.ts';
import { TransactionRun } from './transaction.ts';
import type {
  Body,
  CopyOptions,
  ObjectRef,
  PutCondition,
  PutOptions,
  RemoveOptions,
} from './types.ts';
import { type Sealed, Upload, wrongSize } from './upload.ts';

/**
 * Collects changes. Of several on one key the one that was asked for last counts. Whatever fails on
 * it makes the whole transaction fail, also where the error is caught. Of no use once it has ended.
 */
export interface Transaction {
  bucket(name: string): TransactionBucket;
}
export interface TransactionBucket {
  /**
   * Seals the body; when the promise resolves it is the caller's again. As {@link Bucket.put}, but
   * that nothing is visible before the commit. Puts may run side by side.
   */
  put(key: string, body: Body, options?: PutOptions): Promise<void>;
  /** A key that holds no object counts as removed. */
  remove(key: string, options?: Pick<RemoveOptions, 'onlyIf'>): void;
  /**
   * As {@link Bucket.copy}: the object as it stands at the commit, before the changes made here.
   * The sealed bytes of a large object stay where they are; small bodies count towards the 4 MiB of
   * them that a transaction holds. What is not there then, or may not be, ends the transaction.
   */
  copy(from: ObjectRef, to: string, options?: CopyOptions): void;
  /** Commit only if this holds, else PreconditionFailed: for a key that need not change here. */
  require(key: string, onlyIf: PutCondition | Headers): void;
}
export interface TransactionOptions {
  signal?: AbortSignal | undefined;
}

const known: ReadonlySet<string> = new Set(['signal']);
const knownToRemove: ReadonlySet<string> = new Set(['onlyIf']);

/** Runs `work` with a transaction, then commits: all or nothing. */
export async function runTransaction<T>(
  context: StoreContext,
  work: (tx: Transaction) => T | Promise<T>,
  options?: TransactionOptions,
): Promise<T> {
  if (typeof work !== 'function') throw new TypeError('transaction: work must be a function');
  if (options !== undefined) checkOptions('transaction', options, known); // InvalidArgument
  checkSignal('transaction', options?.signal); // ABORTED
  context.enter(); // STORE_CLOSED
  try {
    const run = new TransactionRun(context);
    const tx: Transaction = { bucket: (name) => new BucketOfRun(run, name) };
    return await run.run(() => work(tx), options?.signal);
  } finally {
    context.leave();
  }
}

class BucketOfRun implements TransactionBucket {
  readonly #run: TransactionRun;
  readonly #name: string;

  constructor(run: TransactionRun, name: string) {
    this.#run = run;
    this.#name = name;
  }

  put(key: string, body: Body, options?: PutOptions): Promise<void> {
    // Also what throws at once arrives as a rejection.
    const put = async (place: number): Promise<void> => {
      const opened = openBody(body); // TypeError, IncompleteBody
      try {
        await this.#put(place, key, opened, options);
      } catch (error) {
        opened.pieces?.cancel();
        throw error;
      }
    };
    try {
      return this.#run.call(put);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  remove(key: string, options?: Pick<RemoveOptions, 'onlyIf'>): void {
    this.#run.call((place) => {
      checkBucketName(this.#name); // InvalidBucketName
      checkObjectKey(key); // InvalidObjectName
      if (options !== undefined) checkOptions('remove', options, knownToRemove);
      const { onlyIf } = options ?? {};
      const condition = onlyIf === undefined ? null : removeCondition('remove', onlyIf);
      return this.#run.change({ bucket: this.#name, key, place, condition, object: null });
    });
  }

  copy(from: ObjectRef, to: string, options?: CopyOptions): void {
    this.#run.call((place) => {
      const source = copySourceOf('copy', this.#name, from); // TypeError, InvalidObjectName
      if (typeof to !== 'string') throw new TypeError('copy: the target must be a key');
      const { bucket, key } = placeOf('copy', this.#name, to);
      for (const name of [bucket, source.bucket]) checkBucketName(name); // InvalidBucketName
      const plan = planCopy('copy', source, { bucket, key }, options); // InvalidArgument, ABORTED
      const { condition } = plan;
      return this.#run.change({ bucket, key, place, condition, object: { from: source, plan } });
    });
  }

  require(key: string, onlyIf: PutCondition | Headers): void {
    this.#run.call(() => {
      checkBucketName(this.#name); // InvalidBucketName
      checkObjectKey(key); // InvalidObjectName
      const condition = putCondition('require', onlyIf);
      this.#run.demand({ bucket: this.#name, key, condition });
    });
  }

  async #put(
    place: number,
    key: string,
    opened: OpenedBody,
    options: PutOptions | undefined,
  ): Promise<void> {
    checkBucketName(this.#name); // InvalidBucketName
    checkObjectKey(key); // InvalidObjectName
    const plan = planPut('put', options, opened.type); // InvalidArgument, ABORTED
    const { blob, digests } = await this.#seal(key, opened, plan);
    const header = digests === null ? plan.header : withChecksums(plan.header, digests);
    const { condition } = plan;
    await this.#run.change({ bucket: this.#name, key, place, condition, object: { header, blob } });
  }

  /** Small bodies stay in memory while there is room; the others go to the zones. */
  async #seal(key: string, body: OpenedBody, plan: PutPlan): Promise<Sealed> {
    const { bytes, pieces } = body;
    const { context } = this.#run;
    const { checksums, condition, onProgress, signal } = plan;
    const size = plan.size ?? bytes?.size ?? pieces?.size;
    if (bytes !== null && size !== bytes.size) throw wrongSize(bytes.size, size as number);
    const { smallBlobMax } = context.engine;
    const small = size === undefined || size <= smallBlobMax;
    const granted = small ? this.#run.reserve(size ?? smallBlobMax) : 0;
    let used = 0;
    try {
      const source = sourceOf(body, granted > 0);
      const meter =
        onProgress === undefined ? null : new ProgressMeter(onProgress, size, context.events);
      const upload = new Upload(context, source, { size, checksums, inlineMax: granted }, meter);
      const bucket = await this.#run.bucket(this.#name, (name) =>
        bucketForWrite(context, name, { key, condition, signal }),
      ); // NoSuchBucket
      const sealed = await this.#run.during(upload, () => upload.seal(bucket.kek, signal));
      meter?.end();
      if ('bytes' in sealed.blob) used = sealed.blob.bytes.length;
      return sealed;
    } finally {
      this.#run.giveBack(granted - used);
    }
  }
}

/** Bytes that will be held are our own from the first turn on. */
function sourceOf(body: OpenedBody, held: boolean): Pieces {
  if (body.bytes === null || !held) return piecesOf(body);
  const { buffer, byteOffset, byteLength } = body.bytes.own();
  return new WholePieces(new WholeBytes(buffer, byteOffset, byteLength, false));
}
