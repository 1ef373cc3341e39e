// Multipart uploads: parts in any order, each durable when its promise resolves, put together by
// one small commit.
//
//   create   an upload row names a new list of parts
//   part     a part row under that list; the upload must stand
//   complete the object's row takes the list over from the upload's: both in one commit, which also
//            demands that no part has changed since they were read
//   abort    the upload's row goes, and with its last name the list
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import {
  objectTextFrom,
  ownObjectRowKey,
  partRowKey,
  partRows,
  uploadRowKey,
  uploadRows,
} from '../engine/row-key.ts';
import type { Check, Found, NewBlob, RowKey } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkKeyText, checkObjectKey } from '../name/object-key.ts';
import { aborted, checkSignal, readOptions } from '../options.ts';
import { openBody } from './body.ts';
import { planChecksums } from './checksum.ts';
import { bucketForWrite, currentCheck, unlessMoved } from './commit-object.ts';
import { putCondition } from './condition.ts';
import { headerNames } from './content-headers.ts';
import { asVersion, encodeObjectRow, withParts } from './object-row.ts';
import { etagOf, ObjectView, RowEntry } from './object-view.ts';
import { type AssembledParts, assemble, type StoredPart } from './part-assembly.ts';
import { encodePartRow, partNumberMax, partPosition } from './part-list.ts';
import type {
  Body,
  CompleteOptions,
  PartInfo,
  PartOptions,
  StoredObject,
  UploadedPart,
  UploadInfo,
  UploadOptions,
} from './types.ts';
import { sealBody } from './upload.ts';
import { versionSlot } from './version-slot.ts';

const knownToUpload: ReadonlySet<string> = new Set([...headerNames, 'signal']);
const knownToPart: ReadonlySet<string> = new Set(['checksum', 'signal']);
const knownToComplete: ReadonlySet<string> = new Set(['onlyIf', 'signal']);
const knownToUploads: ReadonlySet<string> = new Set(['prefix']);
const knownToSweep: ReadonlySet<string> = new Set(['olderThan']);
/** 5 GB, as in OSS. */
const partSizeMax = 5 * 2 ** 30;
const pageMax = 1000;

/** An upload, by its names. */
export interface UploadPlace {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
}
/** Its row, as of now. */
interface OpenUpload {
  readonly bucket: KnownBucket;
  readonly rowKey: RowKey;
  readonly listId: Uint8Array;
  readonly found: Found & { readonly parts: NonNullable<Found['parts']> };
}

export async function createUpload(
  context: StoreContext,
  bucketName: string,
  key: string,
  given?: UploadOptions,
): Promise<string> {
  checkObjectKey(key); // InvalidObjectName
  const options = given === undefined ? {} : readOptions('upload', given, knownToUpload);
  const { signal, ...said } = options;
  checkSignal('upload', signal); // ABORTED
  const body = encodeObjectRow('upload', said, ''); // InvalidArgument, InvalidTag, TooManyTags
  context.enter(); // STORE_CLOSED
  try {
    const { id, key: parts } = context.engine.createParts();
    const place = { key, condition: null, signal };
    for (;;) {
      const bucket = await bucketForWrite(context, bucketName, place); // NoSuchBucket
      const blob: NewBlob = { parts, fresh: true, kek: bucket.kek, size: 0, crc64: '0' };
      const rowKey = uploadRowKey(bucket.row.id, key, id);
      try {
        const effects = [{ key: rowKey, modified: context.now(), body, blob }];
        await context.engine.commit({ checks: bucket.checks, effects });
        return Buffer.from(id).toString('hex').toUpperCase();
      } catch (error) {
        await context.buckets.moved(bucket, error);
      }
    }
  } finally {
    context.leave();
  }
}

export async function uploadPart(
  context: StoreContext,
  place: UploadPlace,
  partNumber: number,
  body: Body,
  given?: PartOptions,
): Promise<UploadedPart> {
  const opened = openBody(body); // TypeError
  try {
    checkPartNumber(partNumber); // InvalidArgument
    const options = given === undefined ? {} : readOptions('part', given, knownToPart);
    const { checksum, signal } = options;
    checkSignal('part', signal); // ABORTED
    const checksums = checksum === undefined ? null : planChecksums('part', checksum);
    context.enter(); // STORE_CLOSED
    try {
      return await withUpload(context, place, async (upload) => {
        const { key } = upload.found.parts;
        const { blob, size } = await sealBody(context, opened, key, { checksums, signal });
        try {
          if (size > partSizeMax) throw new StoreError('EntityTooLarge');
          return await commitPart(context, place, upload, partNumber, blob);
        } finally {
          if ('dispose' in blob) await blob.dispose();
        }
      });
    } finally {
      context.leave();
    }
  } catch (error) {
    opened.pieces?.cancel();
    throw error;
  }
}

function checkPartNumber(partNumber: number): void {
  if (typeof partNumber !== 'number') throw new TypeError('part: the number must be a number');
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > partNumberMax)
    throw invalidArgument(`part: numbers go from 1 to ${partNumberMax}, not ${partNumber}`);
}

async function commitPart(
  context: StoreContext,
  place: UploadPlace,
  { bucket, rowKey, listId, found }: OpenUpload,
  partNumber: number,
  blob: NewBlob,
): Promise<UploadedPart> {
  const key = partRowKey(listId, partNumber);
  const effects = [{ key, modified: context.now(), body: encodePartRow(partNumber), blob }];
  const stands: Check = { key: rowKey, revision: found.row.revision };
  try {
    // Not the bucket: it cannot go before its uploads do.
    const { blobs } = await context.engine.commit({ checks: [stands], effects });
    return { partNumber, etag: etagOf(blobs[0]?.id ?? null) };
  } catch (error) {
    if (!StoreError.is(error, 'PreconditionFailed')) throw error;
    throw noSuchUpload(place, bucket);
  }
}

/** In order of their numbers. NoSuchUpload. */
export async function* listParts(
  context: StoreContext,
  place: UploadPlace,
): AsyncGenerator<PartInfo, void, undefined> {
  context.enter(); // STORE_CLOSED
  try {
    const parts = await withUpload(context, place, ({ listId }) => readParts(context, listId));
    for (const { position, id, size } of parts)
      yield { partNumber: position, etag: etagOf(id), size };
  } finally {
    context.leave();
  }
}

export async function completeUpload(
  context: StoreContext,
  place: UploadPlace,
  parts: readonly UploadedPart[] | undefined,
  given?: CompleteOptions,
): Promise<StoredObject> {
  const options = given === undefined ? {} : readOptions('complete', given, knownToComplete);
  const condition = options.onlyIf === undefined ? null : putCondition('complete', options.onlyIf);
  checkSignal('complete', options.signal); // ABORTED
  const named = parts === undefined ? null : readNamed(parts); // InvalidArgument, InvalidPartOrder
  context.enter(); // STORE_CLOSED
  try {
    for (;;) {
      const stored = await withUpload(context, place, async (upload) => {
        const checks: Check[] = [upload.bucket.check];
        if (condition !== null)
          checks.push(await currentCheck(context, upload.bucket, place.key, condition));
        const { newest, stored } = await settledParts(context, upload.listId);
        const assembled = await assemble(stored, named); // InvalidPart, EntityTooSmall
        if (options.signal?.aborted) throw aborted(options.signal);
        return unlessMoved(() =>
          commitUpload(context, place, upload, { checks, newest, assembled }),
        );
      });
      if (stored !== null) return stored;
    }
  } finally {
    context.leave();
  }
}

interface Assembly {
  readonly checks: Check[];
  readonly newest: number;
  readonly assembled: AssembledParts;
}

/** PreconditionFailed when a part, the object or the bucket moved meanwhile. */
async function commitUpload(
  context: StoreContext,
  place: UploadPlace,
  { bucket, rowKey, listId, found }: OpenUpload,
  { checks, newest, assembled }: Assembly,
): Promise<ObjectView> {
  const { size, crc64, layout, left } = assembled;
  const slot = await versionSlot(context, bucket, place.key, 'put');
  const { keepOld } = slot.next;
  const modified = context.now();
  const body = asVersion(withParts(found.row.body, 'Multipart', layout), slot.next);
  const blob: NewBlob = { parts: found.parts.key, fresh: false, kek: bucket.kek, size, crc64 };
  const key = ownObjectRowKey(bucket.row.id, place.key);
  const type = 'ObjectCreated:CompleteMultipartUpload';
  const event = eventOf(context, bucket, type, place.key, modified);
  const { revision, blobs } = await context.engine.commit({
    checks: [...checks, { key: rowKey, revision: found.row.revision }, ...slot.checks],
    ranges: [{ ...partRows(listId, 0), newest }, ...slot.ranges],
    effects: [
      { key: rowKey, delete: true },
      { key, modified, body, blob, keepOld, event },
      ...slot.effects,
    ],
  });
  await removeParts(context, listId, left);
  const row = { revision, version: revision, modified, body, blob: blobs[0] ?? null };
  return new ObjectView(bucket, new RowEntry(place.key, row), 0);
}

/** Parts that the object does not hold. What a crash leaves of them goes with the object. */
async function removeParts(
  context: StoreContext,
  listId: Uint8Array,
  positions: readonly number[],
): Promise<void> {
  for (let at = 0; at < positions.length; at += 256) {
    const effects = positions
      .slice(at, at + 256)
      .map((position) => ({ key: partRowKey(listId, position), delete: true }) as const);
    await context.engine.commit({ effects }).catch(() => {});
  }
}

export async function abortUpload(context: StoreContext, place: UploadPlace): Promise<void> {
  context.enter(); // STORE_CLOSED
  try {
    await withUpload(context, place, async ({ bucket, rowKey, found }) => {
      const stands = { key: rowKey, revision: found.row.revision };
      try {
        const effects = [{ key: rowKey, delete: true }] as const;
        await context.engine.commit({ checks: [stands], effects });
      } catch (error) {
        if (!StoreError.is(error, 'PreconditionFailed')) throw error;
        throw noSuchUpload(place, bucket);
      }
    });
  } finally {
    context.leave();
  }
}

/** Uploads that were neither completed nor aborted, in order of their keys. */
export async function* listUploads(
  context: StoreContext,
  bucketName: string,
  given: { prefix?: string | undefined } = {},
): AsyncGenerator<UploadInfo, void, undefined> {
  const { prefix = '' } = readOptions('uploads', given, knownToUploads); // InvalidArgument
  if (typeof prefix !== 'string') throw new TypeError('uploads: prefix must be a string');
  checkKeyText(prefix); // InvalidObjectName
  let start: RowKey | null = null;
  for (;;) {
    context.enter(); // STORE_CLOSED
    const page = await underBucket(context, bucketName, (bucket) => {
      const range = uploadRows(bucket.row.id, prefix);
      const request = { ...range, start: start ?? range.start, limit: pageMax };
      return context.engine.scan({ ...request, textFrom: objectTextFrom, check: bucket.check });
    }).finally(() => context.leave());
    for (let i = 0; i < page.count; i++)
      yield {
        key: page.text(i),
        uploadId: page.blobId(i) ?? '',
        initiated: new Date(page.modified(i)),
      };
    if (page.resume === null) return;
    start = page.resume;
  }
}

/** One after the other; what others end meanwhile counts as neither. */
export async function sweepUploads(
  context: StoreContext,
  bucketName: string,
  given: { olderThan: Date },
): Promise<{ swept: number; kept: number }> {
  const { olderThan } = readOptions('sweepUploads', given, knownToSweep); // InvalidArgument
  if (!(olderThan instanceof Date)) throw new TypeError('sweepUploads: olderThan must be a Date');
  if (Number.isNaN(olderThan.getTime())) throw invalidArgument('sweepUploads: an invalid Date');
  const earliestKept = olderThan.getTime();
  let [swept, kept] = [0, 0];
  for await (const { key, uploadId, initiated } of listUploads(context, bucketName)) {
    if (initiated.getTime() >= earliestKept) {
      kept++;
      continue;
    }
    try {
      await abortUpload(context, { bucket: bucketName, key, uploadId });
      swept++;
    } catch (error) {
      if (!StoreError.is(error, 'NoSuchUpload')) throw error;
    }
  }
  return { swept, kept };
}

/** Reads the upload's row and holds its parts while `work` runs. NoSuchBucket, NoSuchUpload. */
async function withUpload<T>(
  context: StoreContext,
  place: UploadPlace,
  work: (upload: OpenUpload) => Promise<T>,
): Promise<T> {
  checkObjectKey(place.key); // InvalidObjectName
  const listId = listIdOf(place); // NoSuchUpload
  const [bucket, found] = await underBucket(
    context,
    place.bucket,
    async (bucket): Promise<[KnownBucket, Found | null]> => [
      bucket,
      await context.engine.get({
        key: uploadRowKey(bucket.row.id, place.key, listId),
        check: bucket.check,
        open: bucket.open,
      }),
    ],
  );
  const parts = found?.parts;
  if (found === null || parts === undefined) throw noSuchUpload(place, bucket);
  try {
    const rowKey = uploadRowKey(bucket.row.id, place.key, listId);
    return await work({ bucket, rowKey, listId, found: { ...found, parts } });
  } finally {
    parts.close();
  }
}

function listIdOf({ bucket, key, uploadId }: UploadPlace): Uint8Array {
  if (typeof uploadId !== 'string') throw new TypeError('upload: the id must be a string');
  if (!/^[0-9A-F]{32}$/.test(uploadId))
    throw new StoreError('NoSuchUpload', undefined, { bucket, key });
  return Buffer.from(uploadId, 'hex');
}

function noSuchUpload({ key }: UploadPlace, { name }: KnownBucket): StoreError {
  return new StoreError('NoSuchUpload', undefined, { bucket: name, key });
}

/** All parts, and a revision that none of them was above when they were read. */
async function settledParts(
  context: StoreContext,
  listId: Uint8Array,
): Promise<{ newest: number; stored: StoredPart[] }> {
  for (;;) {
    const newest = context.engine.status().sequence;
    const stored = await readParts(context, listId);
    // A part that came while they were read may hide another one that came before it.
    if (stored.every(({ revision }) => revision <= newest)) return { newest, stored };
  }
}

async function readParts(context: StoreContext, listId: Uint8Array): Promise<StoredPart[]> {
  const stored: StoredPart[] = [];
  let { start, end } = partRows(listId, 0);
  for (;;) {
    const page = await context.engine.scan({ start, end, limit: pageMax, textFrom: 0 });
    for (let i = 0; i < page.count; i++)
      stored.push({
        position: partPosition(page, i),
        id: page.blobId(i) ?? '',
        size: page.size(i),
        crc64: page.crc64(i),
        revision: page.revision(i),
      });
    if (page.resume === null) return stored;
    start = page.resume;
  }
}

function readNamed(parts: readonly UploadedPart[]): UploadedPart[] {
  if (!Array.isArray(parts)) throw new TypeError('complete: parts must be an array');
  if (parts.length === 0) throw invalidArgument('complete: name one part at least');
  const named = parts.map(({ partNumber, etag }) => {
    checkPartNumber(partNumber);
    if (typeof etag !== 'string') throw new TypeError('complete: an ETag must be a string');
    return { partNumber, etag };
  });
  for (const [i, { partNumber }] of named.entries())
    if (i > 0 && partNumber <= (named[i - 1] as UploadedPart).partNumber)
      throw new StoreError('InvalidPartOrder');
  return named;
}
