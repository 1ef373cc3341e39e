// list: a bucket's entries in byte order of their keys, a page at a time. Each page is one scan of
// one snapshot; the next begins where it says. Objects decode themselves when they are looked at.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import {
  objectRows,
  objectTextFrom,
  objectTextKey,
  successor,
  versionSize,
} from '../engine/row-key.ts';
import type { Check, Page, RowKey, ScanRequest } from '../engine/storage-engine.ts';
import { invalidArgument } from '../errors.ts';
import { checkKeyText } from '../name/object-key.ts';
import {
  aborted,
  booleanOption,
  checkOptions,
  checkSignal,
  integerOption,
  isRecord,
} from '../options.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { ObjectView } from './object-view.ts';
import type { Listing, ListOptions, ListPage, StoredObject } from './types.ts';

const known: ReadonlySet<string> = new Set([
  'prefix',
  'delimiter',
  'startAfter',
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
): Listing<StoredObject> {
  return new ObjectListing(context, bucketName, options);
}

class ObjectListing implements Listing<StoredObject> {
  readonly #context: StoreContext;
  readonly #bucketName: string;
  readonly #options: ListOptions;

  constructor(context: StoreContext, bucketName: string, options: ListOptions) {
    this.#context = context;
    this.#bucketName = bucketName;
    // A copy: the caller may use the same object for the next call.
    this.#options = isRecord(options) ? { ...options } : options;
  }

  [Symbol.asyncIterator](): AsyncIterator<StoredObject> {
    return new Entries(this.pages(), (page) => page.objects);
  }

  prefixes(): AsyncIterable<string> {
    return {
      [Symbol.asyncIterator]: () => new Entries(this.pages(), (page) => page.prefixes),
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
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    const begun = await this.#inside(() => this.#begin()); // NoSuchBucket
    const { bucket } = begun;
    let { plan, page } = begun;
    for (;;) {
      left -= page.count;
      // A page may be empty: an engine bounds the work of one scan, whatever it finds.
      if (page.count > 0 || page.resume === null) yield toPage(page, bucket, options);
      if (page.resume === null || left === 0) return;
      plan = plan.reverse ? { ...plan, end: page.resume } : { ...plan, start: page.resume };
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
      const plan = planScan(bucket, this.#options); // InvalidArgument
      return { bucket, plan, page: await this.#scan(plan, limit, bucket.check) };
    });
  }

  #scan(plan: ScanPlan, left: number, check?: Check): Promise<Page> {
    const request = { ...plan, limit: Math.min(left, pageMax) };
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
  integerOption('list', 'limit', options.limit, 1);
  booleanOption('list', 'reverse', options.reverse, false);
  checkSignal('list', options.signal);
}

type ScanPlan = Omit<ScanRequest, 'limit' | 'check'>;

function planScan(bucket: KnownBucket, options: ListOptions): ScanPlan {
  const { prefix = '', delimiter, reverse = false } = options;
  const plan = {
    ...startAfter(bucket, options),
    reverse,
    textFrom: objectTextFrom,
    versionSize,
  };
  if (delimiter === undefined) return plan;
  const groupFrom = objectTextFrom + Buffer.byteLength(prefix);
  return { ...plan, delimiter: Buffer.from(delimiter), groupFrom };
}

/** The part of the bucket's rows that is still to be listed. */
function startAfter(bucket: KnownBucket, options: ListOptions): { start: RowKey; end: RowKey } {
  const { prefix = '', delimiter, reverse = false, cursor, startAfter: after } = options;
  const { id } = bucket.row;
  const { start, end } = objectRows(id, prefix);
  let at: RowKey | null = null;
  if (cursor !== undefined) {
    at = decodeCursor(cursor, id, options);
  } else if (after !== undefined && after !== '') {
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

function toPage(page: Page, bucket: KnownBucket, options: ListOptions): ListPage<StoredObject> {
  const objects: StoredObject[] = [];
  const prefixes: string[] = [];
  for (let i = 0; i < page.count; i++) {
    if (page.isPrefix(i)) prefixes.push(page.text(i));
    else objects.push(new ObjectView(bucket.name, page, i));
  }
  if (page.resume === null) return { objects, prefixes, truncated: false };
  const cursor = encodeCursor(page.resume, bucket.row.id, options);
  return { objects, prefixes, cursor, truncated: true };
}

/**
 * Iterates what each page holds, without a generator's step for every entry. Like one it answers
 * overlapping calls in turn, so that several consumers share the entries and lose none.
 */
class Entries<P, T> implements AsyncIterableIterator<T> {
  readonly #pages: AsyncGenerator<P, void, undefined>;
  readonly #of: (page: P) => T[];
  #entries: T[] = [];
  #next = 0;
  /** The answer that was promised last, while it is pending. */
  #pending: Promise<unknown> | null = null;

  constructor(pages: AsyncGenerator<P, void, undefined>, of: (page: P) => T[]) {
    this.#pages = pages;
    this.#of = of;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#pending === null && this.#next < this.#entries.length)
      return Promise.resolve({ done: false, value: this.#entries[this.#next++] as T });
    return this.#inTurn(() => this.#step());
  }

  return(): Promise<IteratorResult<T, undefined>> {
    return this.#inTurn(async () => {
      this.#entries = [];
      await this.#pages.return();
      return { done: true, value: undefined };
    });
  }

  /** After whatever is pending, also after what fails. */
  #inTurn<R>(step: () => Promise<R>): Promise<R> {
    const answer = this.#pending === null ? step() : this.#pending.then(step, step);
    const done = () => {
      if (this.#pending === answer) this.#pending = null;
    };
    this.#pending = answer;
    answer.then(done, done);
    return answer;
  }

  async #step(): Promise<IteratorResult<T, undefined>> {
    while (this.#next >= this.#entries.length) {
      const page = await this.#pages.next();
      if (page.done) return { done: true, value: undefined };
      this.#entries = this.#of(page.value);
      this.#next = 0;
    }
    return { done: false, value: this.#entries[this.#next++] as T };
  }
}
