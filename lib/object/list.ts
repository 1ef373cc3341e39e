// list: a bucket's entries in byte order of their keys, a page at a time. Each page is one scan of
// one snapshot; the next begins where it says. Objects decode themselves when they are looked at.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import {
  families,
  objectRows,
  objectTextFrom,
  objectTextKey,
  successor,
  versionRowKey,
  versionSize,
} from '../engine/row-key.ts';
import type { Check, Page, RowKey, ScanRequest } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkKeyText, checkObjectKey } from '../name/object-key.ts';
import {
  aborted,
  booleanOption,
  checkOptions,
  checkSignal,
  integerOption,
  isRecord,
} from '../options.ts';
import { parseVersionId } from '../versioning/version-id.ts';
import { type CursorScope, decodeCursor, encodeCursor } from './cursor.ts';
import { findVersion } from './find-version.ts';
import { MomentShower, type Shown, VersionsShower } from './list-versions.ts';
import { ObjectView } from './object-view.ts';
import { PageEntries } from './page-entries.ts';
import type { Listing, ListOptions, ListPage, StoredObject } from './types.ts';
import { momentOption } from './wanted-version.ts';

const known: ReadonlySet<string> = new Set([
  'prefix',
  'delimiter',
  'versions',
  'at',
  'startAfter',
  'startAfterVersion',
  'cursor',
  'limit',
  'reverse',
  'signal',
]);

/** As in OSS. */
const pageMax = 1000;

export function listObjects(
  context: StoreContext,
  bucketName: string,
  options: ListOptions = {},
  /** Only versions of this key. */
  key?: string,
): Listing<StoredObject> {
  return new ObjectListing(context, bucketName, options, key);
}

class ObjectListing implements Listing<StoredObject> {
  readonly #context: StoreContext;
  readonly #bucketName: string;
  readonly #options: ListOptions;
  readonly #key: string | undefined;

  constructor(
    context: StoreContext,
    bucketName: string,
    options: ListOptions,
    key: string | undefined,
  ) {
    this.#key = key;
    this.#context = context;
    this.#bucketName = bucketName;
    // A copy: the caller may use the same object for the next call.
    this.#options = isRecord(options) ? { ...options } : options;
  }

  [Symbol.asyncIterator](): AsyncIterator<StoredObject> {
    return new PageEntries(this.pages(), (page) => page.objects);
  }

  prefixes(): AsyncIterable<string> {
    return {
      [Symbol.asyncIterator]: () => new PageEntries(this.pages(), (page) => page.prefixes),
    };
  }

  async toArray(): Promise<StoredObject[]> {
    const pages: StoredObject[][] = [];
    for await (const { objects } of this.pages()) pages.push(objects);
    return pages.length === 1 ? (pages[0] ?? []) : pages.flat();
  }

  async *pages(): AsyncGenerator<ListPage<StoredObject>, void, undefined> {
    const options = this.#options;
    checkListOptions(options); // InvalidArgument, InvalidObjectName, ABORTED
    if (this.#key !== undefined) checkObjectKey(this.#key); // InvalidObjectName
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    const begun = await this.#inside(() => this.#begin()); // NoSuchBucket
    const { bucket } = begun;
    let { plan, page } = begun;
    const shower = showerOf(bucket, options, plan.start);
    for (;;) {
      const { objects, prefixes, resume, cursor } = shower.show(page, left);
      left -= objects.length + prefixes.length;
      // A page may be empty: an engine bounds the work of one scan, whatever it finds.
      if (objects.length + prefixes.length > 0 || resume === null)
        yield toPage(objects, prefixes, cursor, bucket, { ...options, key: this.#key });
      if (resume === null || left === 0) return;
      plan = plan.reverse ? { ...plan, end: resume } : { ...plan, start: resume };
      const rest = plan;
      page = await this.#inside(() => this.#scan(rest, left));
    }
  }

  /** The first page carries the check of the bucket, so that finding both is one call. */
  async #begin(): Promise<{ bucket: KnownBucket; plan: ScanPlan; page: Page }> {
    const { limit = pageMax, cursor } = this.#options;
    const { buckets } = this.#context;
    // A cursor names the bucket's id: whether it is one of this listing, only the row can say.
    if (cursor !== undefined) await buckets.require(this.#bucketName);
    return underBucket(this.#context, this.#bucketName, async (bucket) => {
      const start = await this.#versionMarker(bucket); // NoSuchVersion
      const plan = planScan(bucket, this.#options, start, this.#key); // InvalidArgument
      return { bucket, plan, page: await this.#scan(plan, limit, bucket.check) };
    });
  }

  /** Just behind the version that the listing starts after; null: it names none. */
  async #versionMarker(bucket: KnownBucket): Promise<RowKey | null> {
    const { startAfter = '', startAfterVersion } = this.#options;
    if (startAfterVersion === undefined) return null;
    let version = parseVersionId('list', startAfterVersion);
    if (version === null) {
      const found = await findVersion(this.#context, bucket, startAfter, { version });
      if (found === null)
        throw new StoreError('NoSuchVersion', undefined, { bucket: bucket.name, key: startAfter });
      version = found.row.version;
    }
    const shown = Buffer.from(versionRowKey(bucket.row.id, startAfter, version));
    shown[0] = families.object;
    return Buffer.concat([shown, Buffer.of(0)]);
  }

  #scan(plan: ScanPlan, left: number, check?: Check): Promise<Page> {
    // As of a moment most rows may be none of the listing's.
    const limit = this.#options.at === undefined ? Math.min(left, pageMax) : pageMax;
    const request = { ...plan, limit };
    return this.#context.engine.scan(check === undefined ? request : { ...request, check });
  }

  /** One step of the listing is one call: between them the store may be closed. */
  async #inside<T>(step: () => Promise<T>): Promise<T> {
    const { signal } = this.#options;
    if (signal?.aborted) throw aborted(signal);
    this.#context.enter(); // STORE_CLOSED
    try {
      const result = await step();
      if (signal?.aborted) throw aborted(signal);
      return result;
    } finally {
      this.#context.leave();
    }
  }
}

function checkListOptions(options: ListOptions): void {
  checkOptions('list', options, known);
  for (const name of ['prefix', 'delimiter', 'startAfter', 'cursor'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'string')
      throw new TypeError(`list: ${name} must be a string`);
  checkKeyText(options.prefix ?? '');
  checkKeyText(options.startAfter ?? '');
  checkKeyText(options.delimiter ?? '');
  if (options.delimiter === '') throw invalidArgument('list: delimiter must not be empty');
  if (options.cursor !== undefined && options.startAfter !== undefined)
    throw invalidArgument('list: cursor contradicts startAfter');
  checkVersionOptions(options);
  integerOption('list', 'limit', options.limit, 1);
  booleanOption('list', 'reverse', options.reverse, false);
  checkSignal('list', options.signal);
}

function checkVersionOptions(options: ListOptions): void {
  const { versions, at, reverse, startAfter = '', startAfterVersion } = options;
  const all = booleanOption('list', 'versions', versions, false);
  if (at !== undefined) momentOption('list', 'at', at);
  if (all && at !== undefined) throw invalidArgument('list: versions and at contradict each other');
  if (reverse && (all || at !== undefined))
    throw invalidArgument('list: versions are not listed in reverse');
  if (startAfterVersion === undefined) return;
  if (!all || startAfter === '')
    throw invalidArgument('list: startAfterVersion is of a key to start after, and of versions');
  parseVersionId('list', startAfterVersion);
}

type ScanPlan = Omit<ScanRequest, 'limit' | 'check'>;

function planScan(
  bucket: KnownBucket,
  options: ListOptions,
  marker: RowKey | null,
  key: string | undefined,
): ScanPlan {
  const { prefix = '', delimiter, reverse = false, versions = false, at } = options;
  const range = startAfter(bucket, options, key);
  const { id } = bucket.row;
  let start = marker === null ? range.start : greater(range.start, marker);
  if (key !== undefined) start = greater(start, objectTextKey(id, key, 0));
  const plan = {
    start,
    end: key === undefined ? range.end : lesser(range.end, objectTextKey(id, key, 1)),
    reverse,
    textFrom: objectTextFrom,
    versionSize,
    versions: versions || at !== undefined,
  };
  // What is behind a common prefix says whether it was there at that moment.
  if (delimiter === undefined || at !== undefined) return plan;
  const groupFrom = objectTextFrom + Buffer.byteLength(prefix);
  return { ...plan, delimiter: Buffer.from(delimiter), groupFrom };
}

/** The part of the bucket's rows that is still to be listed. */
function startAfter(
  bucket: KnownBucket,
  options: ListOptions,
  key: string | undefined,
): { start: RowKey; end: RowKey } {
  const { prefix = '', delimiter, reverse = false, cursor, startAfter: after } = options;
  const { id } = bucket.row;
  const { start, end } = objectRows(id, prefix);
  let at: RowKey | null = null;
  if (cursor !== undefined) {
    at = decodeCursor(cursor, id, { ...options, key });
  } else if (after !== undefined && after !== '' && options.startAfterVersion === undefined) {
    // The key's rows are `after 00 version`. A common prefix that is itself the place to start
    // after has been listed already, so all that it stands for is stepped over.
    const tail = reverse ? [0] : [1];
    const isListed = !reverse && isCommonPrefix(after, prefix, delimiter);
    at = isListed ? successor(objectTextKey(id, after)) : objectTextKey(id, after, ...tail);
  }
  if (at === null) return { start, end };
  return reverse ? { start, end: lesser(end, at) } : { start: greater(start, at), end };
}

function isCommonPrefix(text: string, prefix: string, delimiter: string | undefined): boolean {
  if (delimiter === undefined || !text.startsWith(prefix)) return false;
  const found = text.indexOf(delimiter, prefix.length);
  return found >= 0 && found + delimiter.length === text.length;
}

function lesser(a: RowKey, b: RowKey): RowKey {
  return Buffer.compare(a, b) <= 0 ? a : b;
}
function greater(a: RowKey, b: RowKey): RowKey {
  return Buffer.compare(a, b) >= 0 ? a : b;
}

/** Makes one listing's entries of the pages of its scans. */
interface Shower {
  /** At most `left` entries; `resume` null: nothing follows. */
  show(page: Page, left: number): Shown;
}

function showerOf(bucket: KnownBucket, options: ListOptions, start: RowKey): Shower {
  const { versions, at } = options;
  if (at !== undefined) {
    const { prefix = '', delimiter } = options;
    const moment = momentOption('list', 'at', at);
    return new MomentShower(bucket, { at: moment, prefix, delimiter });
  }
  return versions
    ? new VersionsShower(bucket, start)
    : { show: (page) => showStanding(bucket, page) };
}

function showStanding(bucket: KnownBucket, page: Page): Shown {
  const objects: StoredObject[] = [];
  const prefixes: string[] = [];
  for (let i = 0; i < page.count; i++) {
    if (page.isPrefix(i)) prefixes.push(page.text(i));
    else objects.push(new ObjectView(bucket, page, i));
  }
  return { objects, prefixes, resume: page.resume, cursor: page.resume };
}

function toPage(
  objects: StoredObject[],
  prefixes: string[],
  behind: RowKey | null,
  bucket: KnownBucket,
  options: CursorScope,
): ListPage<StoredObject> {
  if (behind === null) return { objects, prefixes, truncated: false };
  const cursor = encodeCursor(behind, bucket.row.id, options);
  return { objects, prefixes, cursor, truncated: true };
}
