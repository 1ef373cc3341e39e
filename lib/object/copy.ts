// copy, move: one more row for the same sealed bytes, under a DEK wrap of its own. A large object
// costs no more than a small one, and an object of ten thousand parts no more than either.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { ownObjectRowKey } from '../engine/row-key.ts';
import type { BlobSource, Check, Effect, Row } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkSignal, isRecord, readOptions } from '../options.ts';
import { bucketForWrite, currentCheck } from './commit-object.ts';
import { type Condition, putCondition, writeRefusal } from './condition.ts';
import { contentHeaderNames, headerNames } from './content-headers.ts';
import { copiedRow, encodeObjectRow, typeOf } from './object-row.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import type { CopyOptions, ObjectRef, StoredObject } from './types.ts';

const known: ReadonlySet<string> = new Set([...headerNames, 'onlyIf', 'signal']);

export interface Place {
  readonly bucket: string;
  readonly key: string;
}
/** What is to become of the object, checked before anything of it is read. */
export interface CopyPlan {
  readonly header: Uint8Array;
  readonly replaced: { readonly metadata: boolean; readonly tags: boolean };
  readonly condition: Condition | null;
  readonly signal: AbortSignal | undefined;
  readonly move: boolean;
}
/** The object to be copied, held until its source is closed. */
export interface OpenSource {
  readonly row: Row;
  readonly source: BlobSource;
}

export async function copyObject(
  context: StoreContext,
  bucketName: string,
  from: ObjectRef,
  to: ObjectRef,
  options?: CopyOptions,
): Promise<StoredObject> {
  const source = placeOf('copy', bucketName, from); // TypeError, InvalidObjectName
  const target = placeOf('copy', bucketName, to);
  return transfer(context, source, target, planCopy('copy', source, target, options));
}

export async function moveObject(
  context: StoreContext,
  bucketName: string,
  from: string,
  to: string,
  options?: CopyOptions,
): Promise<StoredObject> {
  const source = { bucket: bucketName, key: from };
  const target = { bucket: bucketName, key: to };
  checkObjectKey(from); // InvalidObjectName
  checkObjectKey(to);
  const plan = { ...readPlan('move', options), move: true }; // InvalidArgument, ABORTED
  if (isSame(source, target)) throw invalidArgument('move: the object is there already');
  return transfer(context, source, target, plan);
}

/** TypeError, InvalidObjectName. */
export function placeOf(call: string, bucket: string, given: ObjectRef): Place {
  if (typeof given !== 'string' && !isRecord(given))
    throw new TypeError(`${call}: name an object by its key or as { bucket, key }`);
  const place = typeof given === 'string' ? { bucket, key: given } : { bucket, ...given };
  checkObjectKey(place.key); // InvalidObjectName
  if (typeof place.bucket !== 'string') throw new TypeError(`${call}: bucket must be a string`);
  return place;
}

function isSame(a: Place, b: Place): boolean {
  return a.bucket === b.bucket && a.key === b.key;
}

/** TypeError, InvalidArgument, InvalidTag, TooManyTags, ABORTED. */
export function planCopy(
  call: string,
  from: Place,
  to: Place,
  options: CopyOptions | undefined,
): CopyPlan {
  const plan = { ...readPlan(call, options), move: false };
  if (isSame(from, to) && !plan.replaced.metadata && !plan.replaced.tags)
    throw invalidArgument(`${call}: a copy onto itself must replace metadata or tags`);
  return plan;
}

function readPlan(call: string, given: CopyOptions | undefined): Omit<CopyPlan, 'move'> {
  const options = given === undefined ? {} : readOptions(call, given, known);
  const { metadata = 'copy', tags = 'copy', onlyIf, signal } = options;
  const said: Record<string, unknown> = {};
  if (metadata !== 'copy') said.metadata = metadata;
  if (tags !== 'copy') said.tags = tags;
  for (const name of contentHeaderNames) {
    if (options[name] === undefined) continue;
    if (metadata === 'copy')
      throw invalidArgument(`${call}: ${name} needs metadata that is replaced, not copied`);
    said[name] = options[name];
  }
  checkSignal(call, signal);
  return {
    header: encodeObjectRow(call, said, ''),
    replaced: { metadata: metadata !== 'copy', tags: tags !== 'copy' },
    condition: onlyIf === undefined ? null : putCondition(call, onlyIf),
    signal,
  };
}

async function transfer(
  context: StoreContext,
  from: Place,
  to: Place,
  plan: CopyPlan,
): Promise<StoredObject> {
  context.enter(); // STORE_CLOSED
  try {
    for (;;) {
      const found = await underBucket(context, from.bucket, async (bucket) => ({
        bucket,
        ...(await openSource(context, bucket, from)),
      })); // NoSuchBucket, NoSuchKey
      try {
        const target = await bucketForWrite(context, to.bucket, { key: to.key, ...plan });
        const row = await commitCopy(context, { from, to, plan, found, target });
        if (row !== null) return new ObjectView(to.bucket, new RowEntry(to.key, row), 0);
      } finally {
        found.source.close();
      }
    }
  } finally {
    context.leave();
  }
}

/** NoSuchKey; PreconditionFailed when the bucket moved. */
export async function openSource(
  context: StoreContext,
  bucket: KnownBucket,
  from: Place,
): Promise<OpenSource> {
  const found = await context.engine.get({
    key: ownObjectRowKey(bucket.row.id, from.key),
    check: bucket.check,
    open: { kek: bucket.kek, copy: true },
  });
  if (found === null) throw new StoreError('NoSuchKey', undefined, { ...from });
  if (found.source === undefined) throw new StoreError('STORE_CORRUPT', 'the object has no bytes');
  return { row: found.row, source: found.source };
}

interface Transfer {
  readonly from: Place;
  readonly to: Place;
  readonly plan: CopyPlan;
  readonly found: OpenSource & { readonly bucket: KnownBucket };
  readonly target: KnownBucket;
}

/** Null when something moved meanwhile: everything is read again. */
async function commitCopy(context: StoreContext, copy: Transfer): Promise<Row | null> {
  const { from, to, plan, found, target } = copy;
  const { source } = found;
  const fromKey = ownObjectRowKey(found.bucket.row.id, from.key);
  const checks: Check[] = [target.check, { key: fromKey, revision: found.row.revision }];
  if (from.bucket !== to.bucket) checks.push(found.bucket.check);
  if (plan.condition !== null) {
    // Of a copy onto itself the row is read and checked already.
    if (isSame(from, to)) refuseUnless(plan.condition, found.row, to);
    else checks.push(await currentCheck(context, target, to.key, plan.condition));
  }
  if (plan.signal?.aborted) throw aborted(plan.signal);
  const modified = context.now();
  const body = rowOfCopy(found.row.body, plan);
  const toKey = ownObjectRowKey(target.row.id, to.key);
  const blob = { source, kek: target.kek };
  const event = eventOf(context, target, 'ObjectCreated:Copy', to.key, modified);
  const effects: Effect[] = [{ key: toKey, modified, body, blob, event }];
  if (plan.move) {
    const gone = eventOf(context, found.bucket, 'ObjectRemoved:Delete', from.key, modified);
    effects.push({ key: fromKey, delete: true, event: gone });
  }
  try {
    const { revision, blobs } = await context.engine.commit({ checks, effects });
    return { revision, modified, body, blob: blobs[0] ?? null };
  } catch (error) {
    if (!StoreError.is(error, 'PreconditionFailed')) throw error;
    return null;
  }
}

function refuseUnless(condition: Condition, row: Row, place: Place): void {
  const refusal = writeRefusal(condition, row);
  if (refusal !== null) throw new StoreError(refusal, undefined, { ...place });
}

/** An object that is moved stays what it is; only a copy shares its parts. */
export function rowOfCopy(source: Uint8Array, { header, replaced, move }: CopyPlan): Uint8Array {
  const row = Uint8Array.from(copiedRow(source, header, replaced));
  if (move && typeOf(source) === 'Appendable') row[1] = source[1] as number;
  return row;
}
