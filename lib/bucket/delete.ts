// delete: a bucket that holds nothing, no older version and no delete marker either. That nothing
// is there is a condition of the commit itself, so an object that is put at the same moment either
// comes first (BucketNotEmpty) or finds no bucket.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import {
  objectTextFrom,
  ownObjectRowKey,
  uploadRowKey,
  uploadRows,
  versionRowKey,
} from '../engine/row-key.ts';
import type { Effect, Page, RowKey } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { aborted, booleanOption, checkOptions, checkSignal } from '../options.ts';
import { clearDoomedEvents, doomEvents } from './doomed-events.ts';
import type { DeleteBucketOptions } from './types.ts';

const known: ReadonlySet<string> = new Set(['force', 'signal']);
/** Effects of one transaction of a forced delete. */
const batchMax = 256;
/** Whoever puts into a bucket all the time while it is deleted must not keep the call for ever. */
const roundsMax = 20;

export async function deleteBucket(
  context: StoreContext,
  name: string,
  options: DeleteBucketOptions = {},
): Promise<void> {
  checkOptions('delete', options, known); // InvalidArgument
  const force = booleanOption('delete', 'force', options.force, false);
  const { signal } = options;
  checkSignal('delete', signal); // ABORTED
  context.enter(); // STORE_CLOSED
  try {
    for (let round = 0; round < (force ? roundsMax : 1); round++) {
      if (round > 0) await removeObjects(context, name, signal); // ABORTED
      if (await deleteEmpty(context, name)) return;
    }
    throw new StoreError('BucketNotEmpty', undefined, { bucket: name });
  } finally {
    context.leave();
  }
}

/** False when objects are there; NoSuchBucket. */
async function deleteEmpty(context: StoreContext, name: string): Promise<boolean> {
  for (;;) {
    const bucket = await context.buckets.require(name);
    try {
      const dooming = bucket.eventsUnder === null ? [] : doomEvents(bucket.row.id, context.now());
      const { revision } = await context.engine.commit({
        checks: bucket.checks,
        ranges: [
          { ...bucket.objects, newest: 0 },
          { ...bucket.olderVersions, newest: 0 },
          { ...uploadRows(bucket.row.id, ''), newest: 0 },
        ],
        effects: [{ key: bucket.check.key, delete: true }, ...dooming],
      });
      context.buckets.forget(name);
      if (dooming.length > 0) await clearDoomedEvents(context, bucket.row.id, revision);
      return true;
    } catch (error) {
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
      const now = await context.buckets.require(name);
      // The row has not moved, so it was the range that is not empty.
      if (now.check.revision === bucket.check.revision) return false;
    }
  }
}

/** In pieces: a crash or an abort on the way leaves a bucket with fewer objects and uploads. */
async function removeObjects(
  context: StoreContext,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bucket = await context.buckets.require(name);
  const { id } = bucket.row;
  const uploadKey = (page: Page, i: number): RowKey =>
    uploadRowKey(id, page.text(i), Buffer.from(page.blobId(i) ?? '', 'hex'));
  const objectOf = (page: Page, i: number): Effect => {
    const key = page.text(i);
    const event = eventOf(context, bucket, 'ObjectRemoved:Delete', key, context.now());
    return { key: ownObjectRowKey(id, key), delete: true, event };
  };
  const uploadOf = (page: Page, i: number): Effect => ({ key: uploadKey(page, i), delete: true });
  const versionOf = (page: Page, i: number): Effect => {
    const key = page.text(i);
    const event = eventOf(context, bucket, 'ObjectRemoved:Delete', key, context.now());
    return { key: versionRowKey(id, key, page.version(i)), delete: true, event };
  };
  // Of each key the oldest goes first, and at last what stands: wherever this ends early, the
  // newest object that is left stands, unless there is a marker in front of it.
  await removeRows(context, bucket, { ...bucket.olderVersions, reverse: true }, versionOf, signal);
  await removeRows(context, bucket, bucket.objects, objectOf, signal);
  await removeRows(context, bucket, uploadRows(id, ''), uploadOf, signal);
}

async function removeRows(
  context: StoreContext,
  { checks }: KnownBucket,
  rows: { start: RowKey; end: RowKey; reverse?: boolean },
  removalOf: (page: Page, i: number) => Effect,
  signal: AbortSignal | undefined,
): Promise<void> {
  let rest: { start: RowKey; end: RowKey } | null = rows;
  while (rest !== null) {
    if (signal?.aborted) throw aborted(signal);
    const range = { ...rows, ...rest, textFrom: objectTextFrom, limit: batchMax };
    const page: Page = await context.engine.scan(range);
    const effects: Effect[] = [];
    for (let i = 0; i < page.count; i++) effects.push(removalOf(page, i));
    try {
      if (effects.length > 0) await context.engine.commit({ checks, effects });
    } catch (error) {
      // The bucket moved: deleteEmpty looks at it again.
      if (StoreError.is(error, 'PreconditionFailed')) return;
      throw error;
    }
    const at: Uint8Array | null = page.resume;
    if (at === null) rest = null;
    else rest = rows.reverse ? { start: rest.start, end: at } : { start: at, end: rest.end };
  }
}
