// append: bytes at the end of an object that grows. Each append is a part, at the offset where the
// object ended; one commit adds it and moves the end.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import { combineCrc64 } from '../crc64.ts';
import { ownObjectRowKey, partRowKey } from '../engine/row-key.ts';
import type { Effect, NewBlob, PartsKey, Row } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkSignal, integerOption, readOptions } from '../options.ts';
import { openBody } from './body.ts';
import type { ChecksumPlan } from './checksum.ts';
import { bucketForWrite, unlessMoved } from './commit-object.ts';
import { headerNames } from './content-headers.ts';
import { encodeObjectRow, layoutOf, typeOf, withParts } from './object-row.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import { appendLayout, encodePartRow } from './part-list.ts';
import type { AppendOptions, Body, StoredObject } from './types.ts';
import { sealBody } from './upload.ts';
import { versionSlot } from './version-slot.ts';

const known: ReadonlySet<string> = new Set([...headerNames, 'position', 'signal']);

/** A part's checksum is wanted before its commit, to move the object's. */
const checksums: ChecksumPlan = { names: ['crc64'], expected: new Map() };

/** Bytes on their way into a part. */
interface Added {
  readonly blob: NewBlob;
  readonly size: number;
  readonly crc64: string;
}

/** The object as it stands, its parts open; or the list of one that is to begin. */
interface Growing {
  readonly bucket: KnownBucket;
  /** Null: there is none yet. */
  readonly row: Row | null;
  readonly size: number;
  readonly crc64: string;
  readonly listId: Uint8Array;
  readonly parts: PartsKey;
  close(): void;
}

export async function appendObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  body: Body,
  given?: AppendOptions,
): Promise<StoredObject> {
  const opened = openBody(body); // TypeError
  try {
    checkObjectKey(key); // InvalidObjectName
    const options = given === undefined ? {} : readOptions('append', given, known);
    const position = integerOption('append', 'position', options.position, 0);
    checkSignal('append', options.signal);
    const header = encodeObjectRow('append', options, opened.type);
    context.enter(); // STORE_CLOSED
    try {
      const { signal } = options;
      return await append(context, bucketName, { key, position, header, signal }, async (parts) => {
        const { blob, size, digests } = await sealBody(context, opened, parts, {
          checksums,
          signal,
        });
        const crc64 = Buffer.from(digests?.get('crc64') ?? [])
          .readBigUInt64BE()
          .toString();
        return { blob, size, crc64 };
      });
    } finally {
      context.leave();
    }
  } catch (error) {
    opened.pieces?.cancel();
    throw error;
  }
}

interface Call {
  readonly key: string;
  readonly position: number | undefined;
  readonly header: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

/** The body is sealed once, under the list's key; only where it will stand is decided again. */
async function append(
  context: StoreContext,
  bucketName: string,
  call: Call,
  seal: (parts: PartsKey) => Promise<Added>,
): Promise<StoredObject> {
  let growing = await openGrowing(context, bucketName, call, null);
  let added: Added | null = null;
  try {
    added = await seal(growing.parts);
    for (;;) {
      const row = await appendOnce(context, call, growing, added);
      if (row !== null) return new ObjectView(growing.bucket, new RowEntry(call.key, row), 0);
      const now = await openGrowing(context, bucketName, call, growing);
      const same = Buffer.compare(now.listId, growing.listId) === 0;
      growing.close();
      growing = now;
      // Sealed for a list that is gone, or for one that somebody else began.
      if (!same) {
        const place = { bucket: bucketName, key: call.key };
        throw new StoreError('PreconditionFailed', 'the object was replaced', place);
      }
    }
  } finally {
    growing.close();
    if (added !== null && 'dispose' in added.blob) await added.blob.dispose();
  }
}

/**
 * As it is now. Where there still is no object, the list of `before` is the one to begin: what was
 * sealed for it is not lost. NoSuchBucket, ObjectNotAppendable, PositionNotEqualToLength.
 */
async function openGrowing(
  context: StoreContext,
  bucketName: string,
  { key, position, signal }: Call,
  before: Growing | null,
): Promise<Growing> {
  const bucket = await bucketForWrite(context, bucketName, { key, condition: null, signal });
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const { check, open } = bucket;
  const found = await context.engine.get({ key: rowKey, check, open });
  const size = found?.row.blob?.size ?? 0;
  const place = { bucket: bucketName, key };
  if (found !== null && (found.parts === undefined || typeOf(found.row.body) !== 'Appendable')) {
    found.reader?.close();
    found.parts?.close();
    throw new StoreError('ObjectNotAppendable', undefined, place);
  }
  if (position !== undefined && position !== size) {
    found?.parts?.close();
    const message = `the object has ${size} bytes, so the next position is ${size}`;
    throw new StoreError('PositionNotEqualToLength', message, place);
  }
  if (found?.parts !== undefined) {
    const { row, parts } = found;
    const listId = Buffer.from(row.blob?.id ?? '', 'hex');
    const crc64 = row.blob?.crc64 ?? '0';
    return { bucket, row, size, crc64, listId, parts: parts.key, close: () => parts.close() };
  }
  if (before?.row === null) return { ...before, bucket };
  const { id: listId, key: parts } = context.engine.createParts();
  return { bucket, row: null, size: 0, crc64: '0', listId, parts, close: () => {} };
}

/** Null when the object or the bucket moved. */
function appendOnce(
  context: StoreContext,
  call: Call,
  growing: Growing,
  added: Added,
): Promise<Row | null> {
  return unlessMoved(() => commitAppend(context, call, growing, added));
}

async function commitAppend(
  context: StoreContext,
  { key, header, signal }: Call,
  { bucket, row, size, crc64, listId, parts }: Growing,
  added: Added,
): Promise<Row> {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const slot = row === null ? await versionSlot(context, bucket, key, 'append') : null;
  const checks = [bucket.check, { key: rowKey, revision: row?.revision ?? null }];
  if (slot !== null) checks.push(...slot.checks);
  if (signal?.aborted) throw aborted(signal);
  const modified = context.now();
  const body = row === null ? withParts(header, 'Appendable', appendLayout) : row.body;
  if (row !== null) layoutOf(body); // STORE_CORRUPT before anything is added to it.
  const grown = { size: size + added.size, crc64: combineCrc64(crc64, added.crc64, added.size) };
  const named = { parts, kek: bucket.kek, fresh: row === null, ...grown };
  const event = eventOf(context, bucket, 'ObjectCreated:Append', key, modified);
  const effects: Effect[] = [{ key: rowKey, modified, body, blob: named, event }];
  if (slot !== null) effects.push(...slot.effects);
  if (added.size > 0)
    effects.push({
      key: partRowKey(listId, size),
      modified,
      body: encodePartRow(size),
      blob: added.blob,
    });
  const ranges = slot?.ranges ?? [];
  const { revision } = await context.engine.commit({ checks, ranges, effects });
  const id = Buffer.from(listId).toString('hex').toUpperCase();
  return { revision, version: revision, modified, body, blob: { id, ...grown } };
}
