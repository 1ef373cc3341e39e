// put: one body under one key, whole or not at all.
//
//   check the arguments → find the bucket → seal the body → commit, if the bucket stands as it was
//
// A small body is sealed in the commit itself. Nothing is visible before the commit, and whatever
// fails on the way leaves nothing.
import { type KnownBucket, noSuchBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import { objectRowKey, ownObjectRowKey } from '../engine/row-key.ts';
import type { Check, NewBlob, Row } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal, functionOption, integerOption } from '../options.ts';
import { type OpenedBody, openBody, WholePieces } from './body.ts';
import { checkPutCondition, writeRefusal } from './condition.ts';
import { encodeObjectRow } from './object-row.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import { ProgressMeter } from './progress.ts';
import type { Body, PutCondition, PutOptions, StoredObject } from './types.ts';
import { Upload, wrongSize } from './upload.ts';

const known: ReadonlySet<string> = new Set([
  'contentType',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
  'cacheControl',
  'expires',
  'metadata',
  'onlyIf',
  'size',
  'onProgress',
  'signal',
]);

export async function putObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  body: Body,
  options?: PutOptions,
): Promise<StoredObject> {
  const opened = openBody(body); // TypeError, IncompleteBody
  try {
    checkObjectKey(key); // InvalidObjectName
    if (options !== undefined) checkPutOptions(options); // InvalidArgument, ABORTED
    context.enter(); // STORE_CLOSED
    try {
      const header = encodeObjectRow(options, opened.type); // InvalidArgument
      const small = smallBytes(context, opened, options); // IncompleteBody
      const meter = meterFor(context, opened, options);
      const bucket = await findBucket(context, bucketName, small !== null); // NoSuchBucket
      const blob = small
        ? { bytes: small, kek: bucket.kek }
        : await uploadBlob(context, bucket, key, opened, options, meter); // ABORTED, IncompleteBody
      const row = await commitObject(context, bucket, key, header, blob, options);
      if (small) meter?.add(small.length);
      meter?.end();
      return new ObjectView(bucketName, new RowEntry(key, row), 0);
    } finally {
      context.leave();
    }
  } catch (error) {
    // A body that was handed over is let go of, as node's pipeline() does.
    opened.pieces?.cancel();
    throw error;
  }
}

function checkPutOptions(options: PutOptions): void {
  checkOptions('put', options, known);
  integerOption('put', 'size', options.size, 0);
  functionOption('put', 'onProgress', options.onProgress);
  if (options.onlyIf !== undefined) checkPutCondition(options.onlyIf);
  checkSignal('put', options.signal);
}

/**
 * The bytes of a body that is in memory and small; else null. They are our own from the first turn
 * on: a commit may have to be tried again when the caller's buffer has changed or gone.
 */
function smallBytes(
  context: StoreContext,
  { bytes }: OpenedBody,
  options: PutOptions | undefined,
): Uint8Array | null {
  if (bytes === null) return null;
  const expected = options?.size ?? bytes.size;
  if (expected !== bytes.size) throw wrongSize(bytes.size, expected);
  return bytes.size <= context.engine.smallBlobMax ? bytes.own() : null;
}

function meterFor(
  context: StoreContext,
  { bytes, pieces }: OpenedBody,
  options: PutOptions | undefined,
): ProgressMeter | null {
  if (options?.onProgress === undefined) return null;
  const total = options.size ?? bytes?.size ?? pieces?.size;
  return new ProgressMeter(options.onProgress, total, context.events);
}

/**
 * A known bucket will do where a refused commit costs nothing; before an upload it is read anew.
 */
function findBucket(
  context: StoreContext,
  name: string,
  knownWillDo: boolean,
): KnownBucket | Promise<KnownBucket> {
  const bucket = knownWillDo ? context.buckets.known(name) : undefined;
  if (bucket !== undefined) return bucket;
  return context.autoCreateBuckets
    ? context.buckets.requireOrCreate(name, context.now())
    : context.buckets.require(name);
}

async function uploadBlob(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  { bytes, pieces }: OpenedBody,
  options: PutOptions | undefined,
  meter: ProgressMeter | null,
): Promise<NewBlob> {
  // A condition that fails already spares the upload; the one that counts is in the commit.
  if (options?.onlyIf !== undefined) await currentCheck(context, bucket, key, options.onlyIf);
  const source = bytes === null ? pieces : new WholePieces(bytes);
  if (source === null) throw new StoreError('InternalError', 'a body without bytes and pieces');
  return new Upload(context, source, options?.size, meter).seal(bucket.kek, options?.signal);
}

/**
 * Commits the object under the checks that make the decisions before it safe. A bucket that moved
 * meanwhile is read again and the commit repeated, without a second upload.
 */
async function commitObject(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  header: Uint8Array,
  blob: NewBlob,
  options: PutOptions | undefined,
): Promise<Row> {
  try {
    for (;;) {
      try {
        return await commitOnce(context, bucket, key, header, blob, options);
      } catch (error) {
        if (!StoreError.is(error, 'PreconditionFailed') || error.key !== undefined) throw error;
        const now = await bucketNow(context, bucket, blob); // NoSuchBucket
        const moved = now.check.revision !== bucket.check.revision;
        // Neither the bucket nor, under a condition, the object can have moved: not our refusal.
        if (!moved && options?.onlyIf === undefined) throw error;
        if ('bytes' in blob) blob = { bytes: blob.bytes, kek: now.kek };
        bucket = now;
      }
    }
  } finally {
    // A commit that took the blob has made this a no-op; else every trace of the upload goes.
    if ('dispose' in blob) await blob.dispose();
  }
}

/** The bucket after a refused commit. What was sealed for a bucket that is gone fits no other. */
async function bucketNow(
  context: StoreContext,
  bucket: KnownBucket,
  blob: NewBlob,
): Promise<KnownBucket> {
  if ('bytes' in blob) return findBucket(context, bucket.name, false);
  const now = await context.buckets.require(bucket.name);
  if (!now.isSame(bucket)) throw noSuchBucket(bucket.name);
  return now;
}

async function commitOnce(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  header: Uint8Array,
  blob: NewBlob,
  options: PutOptions | undefined,
): Promise<Row> {
  let checks: readonly Check[] = bucket.checks;
  if (options?.onlyIf !== undefined)
    checks = [bucket.check, await currentCheck(context, bucket, key, options.onlyIf)];
  // The last moment to stop: what is committed stays, whatever the signal says.
  if (options?.signal?.aborted) throw aborted(options.signal);
  const modified = context.now();
  const rowKey = objectRowKey(bucket.row.id, key);
  const { revision, blobs } = await context.engine.commit({
    checks,
    effects: [{ key: rowKey, modified, body: header, blob }],
  });
  return { revision, modified, body: header, blob: blobs[0] ?? null };
}

/** The check that holds while the condition does; its refusal, with the key, when it does not. */
async function currentCheck(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  condition: PutCondition,
): Promise<Check> {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const found = await context.engine.get({ key: rowKey, check: bucket.check });
  const refusal = writeRefusal(condition, found?.row ?? null);
  if (refusal !== null) throw new StoreError(refusal, undefined, { bucket: bucket.name, key });
  return { key: rowKey, revision: found?.row.revision ?? null };
}
