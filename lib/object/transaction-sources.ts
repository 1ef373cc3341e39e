// The copies of a transaction: each takes its object as it stands at the commit, before the
// transaction's own changes. Sources are opened for one attempt to commit, and let go of after it.
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import type { Check } from '../engine/storage-engine.ts';
import { aborted } from '../options.ts';
import { type CopyPlan, type OpenSource, openSource, rowOfCopy, type SourcePlace } from './copy.ts';

/** An object that is to be copied, by what the caller asked for. */
export interface Copied {
  readonly from: SourcePlace;
  readonly plan: CopyPlan;
}

export class TransactionSources {
  readonly checks: Check[] = [];
  readonly #context: StoreContext;
  readonly #open = new Map<Copied, OpenSource>();
  #inlineBytes = 0;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Bytes of small bodies, which a commit carries along also when they are copied. */
  get inlineBytes(): number {
    return this.#inlineBytes;
  }

  /** NoSuchKey, ABORTED; PreconditionFailed, without a key, when the bucket moved. */
  async open(bucket: KnownBucket, copied: Copied): Promise<void> {
    const { from, plan } = copied;
    if (plan.signal?.aborted) throw aborted(plan.signal);
    const opened = await openSource(this.#context, bucket, from);
    this.#open.set(copied, opened);
    const { revision, blob } = opened.row;
    this.checks.push({ key: opened.rowKey, revision });
    const size = blob?.size ?? 0;
    if (size <= this.#context.engine.smallBlobMax) this.#inlineBytes += size;
  }

  /** The row and the bytes of the copy. REQUIRES: it is open. */
  object(
    copied: Copied,
    target: KnownBucket,
  ): { readonly header: Uint8Array; readonly source: OpenSource['source'] } {
    const { row, source } = this.#open.get(copied) as OpenSource;
    return { header: rowOfCopy(row.body, copied.plan, target), source };
  }

  close(): void {
    for (const { source } of this.#open.values()) source.close();
  }
}
