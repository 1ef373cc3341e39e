// list: the store's buckets in order of their names.
import { decodeBucketRow } from '../context/bucket-row.ts';
import type { StoreContext } from '../context/store-context.ts';
import { bucketRows } from '../engine/row-key.ts';
import type { Page } from '../engine/storage-engine.ts';
import { aborted, checkOptions, checkSignal } from '../options.ts';
import { describe } from './info.ts';
import type { BucketInfo } from './types.ts';

const known: ReadonlySet<string> = new Set(['prefix', 'signal']);
const pageMax = 1000;

export interface ListBucketsOptions {
  /** Only names that begin with this. */
  prefix?: string | undefined;
  signal?: AbortSignal | undefined;
}

export async function* listBuckets(
  context: StoreContext,
  options: ListBucketsOptions = {},
): AsyncGenerator<BucketInfo, void, undefined> {
  checkOptions('buckets', options, known); // InvalidArgument
  const { prefix = '', signal } = options;
  if (typeof prefix !== 'string') throw new TypeError('buckets: prefix must be a string');
  checkSignal('buckets', signal); // ABORTED
  // No bucket's name holds anything but ASCII.
  if (!/^[a-z0-9-]*$/.test(prefix)) return;
  let { start, end } = bucketRows(prefix);
  for (;;) {
    const page = await scanPage(context, start, end);
    for (let i = 0; i < page.count; i++) {
      if (signal?.aborted) throw aborted(signal);
      yield describe(context, page.text(i), decodeBucketRow(page.body(i)));
    }
    if (page.resume === null) return;
    start = page.resume;
  }
}

async function scanPage(context: StoreContext, start: Uint8Array, end: Uint8Array): Promise<Page> {
  context.enter(); // STORE_CLOSED
  try {
    return await context.engine.scan({ start, end, limit: pageMax, textFrom: 1 });
  } finally {
    context.leave();
  }
}
