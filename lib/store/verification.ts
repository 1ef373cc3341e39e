// Verification: every byte of every zone is looked at. What needs no key the engine walks by
// itself; to open each chunk takes the keys of the buckets, so the objects are walked here.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { decodeBucketRow } from '../context/bucket-row.ts';
import type { StoreContext } from '../context/store-context.ts';
import {
  bucketRows,
  objectOfRowKey,
  objectTextFrom,
  ownObjectRowKey,
  partRowKey,
  partRows,
  versionRowKey,
} from '../engine/row-key.ts';
import type {
  EngineFinding,
  KeyHandle,
  Page,
  PartsKey,
  RowKey,
  Verifying,
  VerifyNews,
} from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { partPosition } from '../object/part-list.ts';
import { type Progress, ProgressMeter } from '../object/progress.ts';
import { aborted } from '../options.ts';
import { followRun } from './engine-run.ts';

/** Findings that a report holds; all are counted. */
const findingsMax = 10_000;
const pageMax = 500;
/** Rows whose blobs are waited for together. */
const rowsAtOnce = 8;

export interface VerifyFinding {
  /**
   * missing: nothing is there · rot: a checksum is wrong · stale: sound, and older than what counts
   * · tampering: a checksum is right and its tag is wrong · unreadable: the disk does not give it
   */
  kind: 'missing' | 'rot' | 'stale' | 'tampering' | 'unreadable';
  /** Absent where it is every zone, or nobody can say which. */
  zone?: number;
  /** Absent where no object is known to be concerned. */
  bucket?: string;
  key?: string;
  /** It was put right from another zone, and read back from the disk. */
  healed: boolean;
  what: string;
}

export interface VerifyReport {
  /** Records of the log, cells of the zones and rows that were looked at. */
  scanned: number;
  /** Bytes read from the disks. */
  bytes: number;
  /** Of the findings, however many the report holds. */
  found: number;
  healed: number;
  /** Findings that no zone has right. */
  unrecoverable: number;
  /** The first 10,000. */
  findings: VerifyFinding[];
}

export interface VerifyPlan {
  /** Of this bucket alone, each object's chunks. */
  readonly bucket?: string | undefined;
  /** Everything, and then each object's chunks. */
  readonly deep?: boolean | undefined;
  readonly heal: boolean;
  /** 0: at full speed. */
  readonly bytesPerSecond: number;
  /** Of each piece of news: the report so far. */
  readonly onNews?: ((report: VerifyReport) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** STORE_CLOSED, NoSuchBucket, ABORTED, STORE_READ_ONLY and others of a store that cannot go on. */
export async function runVerification(
  context: StoreContext,
  plan: VerifyPlan,
): Promise<VerifyReport> {
  const verification = new Verification(context, plan);
  try {
    return await verification.run();
  } finally {
    verification.end();
  }
}

class Verification {
  readonly #context: StoreContext;
  readonly #plan: VerifyPlan;
  readonly #meter: ProgressMeter | null;
  /** By bucket id in hex. */
  readonly #names = new Map<string, string>();
  readonly #report: VerifyReport = {
    scanned: 0,
    bytes: 0,
    found: 0,
    healed: 0,
    unrecoverable: 0,
    findings: [],
  };

  constructor(context: StoreContext, plan: VerifyPlan) {
    this.#context = context;
    this.#plan = plan;
    this.#meter = plan.onProgress
      ? new ProgressMeter(plan.onProgress, undefined, context.events)
      : null;
  }

  async run(): Promise<VerifyReport> {
    const { bucket, deep, heal, bytesPerSecond } = this.#plan;
    await this.#learnNames(bucket);
    if (bucket !== undefined) {
      await this.#openObjects(bucket);
      return this.#report;
    }
    const engine = this.#context.engine;
    await this.#follow(() => engine.verify({ heal, bytesPerSecond }));
    // Nobody heals cells that contradict each other without the keys that tell who lies.
    const lies = this.#report.findings.some(({ kind, healed }) => kind === 'tampering' && !healed);
    if (deep || (heal && lies))
      for (const name of this.#names.values()) await this.#openObjects(name);
    return this.#report;
  }

  end(): void {
    this.#meter?.end();
  }

  async #learnNames(only: string | undefined): Promise<void> {
    if (only !== undefined) {
      const { name, row } = await this.#context.step(() => this.#context.buckets.require(only));
      this.#names.set(Buffer.from(row.id).toString('hex'), name);
      return;
    }
    for await (const page of this.#pages(bucketRows(''), 1))
      for (let i = 0; i < page.count; i++)
        this.#names.set(
          Buffer.from(decodeBucketRow(page.body(i)).id).toString('hex'),
          page.text(i),
        );
  }

  async #openObjects(name: string): Promise<void> {
    let bucket: KnownBucket;
    try {
      bucket = await this.#context.step(() => this.#context.buckets.require(name));
    } catch (error) {
      // One that was deleted meanwhile has nothing left to look at.
      if (StoreError.is(error, 'NoSuchBucket') && this.#plan.bucket === undefined) return;
      throw error;
    }
    const { id } = bucket.row;
    const standing = (page: Page, i: number) => ownObjectRowKey(id, page.text(i));
    const older = (page: Page, i: number) => versionRowKey(id, page.text(i), page.version(i));
    await this.#openRows(bucket, bucket.objects, standing);
    await this.#openRows(bucket, bucket.olderVersions, older);
  }

  async #openRows(
    bucket: KnownBucket,
    range: { start: RowKey; end: RowKey },
    keyOf: (page: Page, i: number) => RowKey,
  ): Promise<void> {
    for await (const page of this.#pages(range, objectTextFrom)) {
      const keys = Array.from({ length: page.count }, (_, i) => keyOf(page, i));
      await this.#eachOf(keys, async (rowKey) => {
        await this.#openRow(rowKey, bucket.kek);
        await this.#openParts(bucket, rowKey);
      });
    }
  }

  async #openRow(key: RowKey, kek: KeyHandle | PartsKey): Promise<void> {
    const { heal, bytesPerSecond } = this.#plan;
    await this.#follow(() => this.#context.engine.verifyRow({ key, kek, heal, bytesPerSecond }));
  }

  /** Of an object that is a list of parts: each of them, under the list's key. */
  async #openParts(bucket: KnownBucket, rowKey: RowKey): Promise<void> {
    const { engine } = this.#context;
    const open = { kek: bucket.kek, offset: Number.MAX_SAFE_INTEGER };
    const found = await this.#context
      .step(() => engine.get({ key: rowKey, open }))
      // What does not open was found already.
      .catch((error) => (isDamage(error) ? null : Promise.reject(error)));
    found?.reader?.close();
    if (!found?.parts) return;
    try {
      const listId = Buffer.from(found.row.blob?.id ?? '', 'hex');
      const kek = found.parts.key;
      for await (const page of this.#pages(partRows(listId, 0), 0)) {
        const positions = Array.from({ length: page.count }, (_, i) => partPosition(page, i));
        await this.#eachOf(positions, (at) => this.#openRow(partRowKey(listId, at), kek));
      }
    } finally {
      found.parts.close();
    }
  }

  async #eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    for (let at = 0; at < items.length; at += rowsAtOnce)
      await Promise.all(items.slice(at, at + rowsAtOnce).map(work));
  }

  async *#pages(
    range: { start: RowKey; end: RowKey },
    textFrom: number,
  ): AsyncGenerator<Page, void, undefined> {
    let { start } = range;
    const { end } = range;
    for (;;) {
      const from = start;
      this.#checkSignal();
      const page = await this.#context.step(() =>
        this.#context.engine.scan({ start: from, end, limit: pageMax, textFrom }),
      );
      yield page;
      if (page.resume === null) return;
      start = page.resume;
    }
  }

  async #follow(begin: () => Verifying): Promise<void> {
    const take = (news: VerifyNews, before: VerifyNews | null): void => this.#take(news, before);
    await followRun(this.#context, { begin, take, signal: this.#plan.signal });
  }

  #take(news: VerifyNews, before: VerifyNews | null): void {
    const report = this.#report;
    const bytes = news.bytes - (before?.bytes ?? 0);
    report.bytes += bytes;
    report.scanned += scannedIn(news) - (before === null ? 0 : scannedIn(before));
    this.#meter?.add(bytes);
    for (const finding of news.findings) {
      report.found++;
      if (finding.healed) report.healed++;
      if (finding.zone === 0) report.unrecoverable++;
      if (report.findings.length < findingsMax) report.findings.push(this.#named(finding));
    }
    this.#plan.onNews?.(report);
  }

  #named({ kind, zone, healed, what, rowKey }: EngineFinding): VerifyFinding {
    const finding: VerifyFinding = { kind, healed, what };
    if (zone !== 0) finding.zone = zone;
    const object = rowKey === null ? null : objectOfRowKey(rowKey);
    const bucket = object && this.#names.get(Buffer.from(object.bucketId).toString('hex'));
    if (object && bucket) Object.assign(finding, { bucket, key: object.key });
    return finding;
  }

  #checkSignal(): void {
    const { signal } = this.#plan;
    if (signal?.aborted) throw aborted(signal);
  }
}

function isDamage(error: unknown): boolean {
  return StoreError.is(error, 'DECRYPT_FAILED') || StoreError.is(error, 'STORE_CORRUPT');
}

function scannedIn({ records, cells, rows }: VerifyNews): number {
  return records + cells + rows;
}
