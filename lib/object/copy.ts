// copy, move: one more row for the same sealed bytes, under a DEK wrap of its own. A large object
// costs no more than a small one, and an object of ten thousand parts no more than either.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { ownObjectRowKey } from '../engine/row-key.ts';
import type { BlobSource, Check, Effect, Row, RowKey } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkSignal, isRecord, readOptions } from '../options.ts';
import { parseVersionId } from '../versioning/version-id.ts';
import { bucketForWrite, currentCheck, unlessMoved } from './commit-object.ts';
import { type Condition, putCondition, writeRefusal } from './condition.ts';
import { contentHeaderNames, headerNames } from './content-headers.ts';
import { findVersion } from './find-version.ts';
import { asVersion, copiedRow, encodeObjectRow, typeOf, withType } from './object-row.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import type { CopyOptions, ObjectRef, StoredObject } from './types.ts';
import { removalEffects, versionSlot } from './version-slot.ts';

const known: ReadonlySet<string> = new Set([...headerNames, 'onlyIf', 'signal']);

export interface Place {
  readonly bucket: string;
  readonly key: string;
}
/** Of a source: also one version of the object. */
export interface SourcePlace extends Place {
  readonly versionId?: string | undefined;
}
/** What is to become of the object, checked before anything of it is read. */
export interface CopyPlan {
  readonly header: Uint8Array;
  readonly replaced: { readonly metadata: boolean; readonly tags: boolean };
  readonly condition: Condition | null;
  readonly signal: AbortSignal | undefined;
  readonly move: boolean;
  /** What the target must be at the commit: throws. */
  readonly demand?: (target: KnownBucket) => void;
}
/** The object to be copied, held until its source is closed. */
export interface OpenSource {
  /** Where its row is. */
  readonly rowKey: RowKey;
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
  const source = copySourceOf('copy', bucketName, from); // TypeError, InvalidObjectName
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

/** TypeError, InvalidObjectName, InvalidArgument. */
export function copySourceOf(call: string, bucket: string, given: ObjectRef): SourcePlace {
  const place = placeOf(call, bucket, given);
  const versionId = isRecord(given) ? given.versionId : undefined;
  if (versionId === undefined) return place;
  parseVersionId(call, versionId as string);
  return { ...place, versionId: versionId as string };
}

/** TypeError, InvalidObjectName. */
export function placeOf(call: string, bucket: string, given: ObjectRef): Place {
  if (typeof given !== 'string' && !isRecord(given))
    throw new TypeError(`${call}: name an object by its key or as { bucket, key }`);
  const said = typeof given === 'string' ? { key: given } : given;
  const place = { bucket: said.bucket ?? bucket, key: said.key };
  checkObjectKey(place.key); // InvalidObjectName
  if (typeof place.bucket !== 'string') throw new TypeError(`${call}: bucket must be a string`);
  return place;
}

/** An older version of a key is another object than the one that stands. */
function isSame(from: SourcePlace, to: Place): boolean {
  return from.versionId === undefined && from.bucket === to.bucket && from.key === to.key;
}

/** TypeError, InvalidArgument, InvalidTag, TooManyTags, ABORTED. */
export function planCopy(
  call: string,
  from: SourcePlace,
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

/** NoSuchBucket, NoSuchKey, NoSuchVersion, and what a condition refuses. */
export async function transfer(
  context: StoreContext,
  from: SourcePlace,
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
        const row = await unlessMoved(() => commitCopy(context, { from, to, plan, found, target }));
        if (row !== null) return new ObjectView(target, new RowEntry(to.key, row), 0);
      } finally {
        found.source.close();
      }
    }
  } finally {
    context.leave();
  }
}

/** NoSuchKey, NoSuchVersion; PreconditionFailed when the bucket moved. */
export async function openSource(
  context: StoreContext,
  bucket: KnownBucket,
  from: SourcePlace,
): Promise<OpenSource> {
  const open = { kek: bucket.kek, copy: true };
  const { bucket: name, key } = from;
  for (;;) {
    const at = await sourceRow(context, bucket, from);
    const get = () => context.engine.get({ ...at, open });
    const found = await (from.versionId === undefined ? get() : unlessMoved(get));
    // A version that went from where it was found is looked for again.
    if (found === null && from.versionId !== undefined) continue;
    if (found === null) throw new StoreError('NoSuchKey', undefined, { bucket: name, key });
    if (found.source === undefined)
      throw new StoreError('STORE_CORRUPT', 'the object has no bytes');
    return { rowKey: at.key, row: found.row, source: found.source };
  }
}

async function sourceRow(
  context: StoreContext,
  bucket: KnownBucket,
  { key, versionId }: SourcePlace,
): Promise<{ key: RowKey; check: Check }> {
  if (versionId === undefined)
    return { key: ownObjectRowKey(bucket.row.id, key), check: bucket.check };
  const wanted = { version: parseVersionId('copy', versionId) };
  const found = await findVersion(context, bucket, key, wanted);
  const place = { bucket: bucket.name, key };
  if (found === null) throw new StoreError('NoSuchVersion', undefined, place);
  if (found.isMarker) throw new StoreError('NoSuchKey', 'the version is a delete marker', place);
  return { key: found.key, check: { key: found.key, revision: found.row.revision } };
}

interface Transfer {
  readonly from: SourcePlace;
  readonly to: Place;
  readonly plan: CopyPlan;
  readonly found: OpenSource & { readonly bucket: KnownBucket };
  readonly target: KnownBucket;
}

/** PreconditionFailed, without a key, when something moved meanwhile: all is read again. */
async function commitCopy(context: StoreContext, copy: Transfer): Promise<Row> {
  const { from, to, plan, found, target } = copy;
  const { source } = found;
  plan.demand?.(target);
  // Of one bucket both are one check, unless it moved in between: then it holds for neither.
  const checks: Check[] = [
    target.check,
    found.bucket.check,
    { key: found.rowKey, revision: found.row.revision },
  ];
  if (plan.condition !== null) {
    // Of a copy onto itself the row is read and checked already.
    if (isSame(from, to)) refuseUnless(plan.condition, found.row, to);
    else checks.push(await currentCheck(context, target, to.key, plan.condition));
  }
  const slot = await versionSlot(context, target, to.key, 'put');
  const gone = plan.move ? await versionSlot(context, found.bucket, from.key, 'remove') : null;
  checks.push(...slot.checks, ...(gone?.checks ?? []));
  const ranges = [...slot.ranges, ...(gone?.ranges ?? [])];
  if (plan.signal?.aborted) throw aborted(plan.signal);
  const modified = context.now();
  const body = asVersion(rowOfCopy(found.row.body, plan, target), slot.next);
  const toKey = ownObjectRowKey(target.row.id, to.key);
  const blob = { source, kek: target.kek };
  const { keepOld } = slot.next;
  const event = eventOf(context, target, 'ObjectCreated:Copy', to.key, modified);
  const effects: Effect[] = [{ key: toKey, modified, body, blob, keepOld, event }, ...slot.effects];
  if (gone !== null) effects.push(...removalEffects(context, found.bucket, from.key, gone));
  const { revision, blobs } = await context.engine.commit({ checks, ranges, effects });
  return { revision, version: revision, modified, body, blob: blobs[0] ?? null };
}

function refuseUnless(condition: Condition, row: Row, place: Place): void {
  const refusal = writeRefusal(condition, row);
  if (refusal !== null) throw new StoreError(refusal, undefined, { ...place });
}

/**
 * An object that is moved stays what it is; only a copy shares its parts. Where objects have
 * versions it grows no more, for no version does.
 */
export function rowOfCopy(
  source: Uint8Array,
  { header, replaced, move }: CopyPlan,
  { versioned }: KnownBucket,
): Uint8Array {
  const row = copiedRow(source, header, replaced);
  const grows = move && !versioned && typeOf(source) === 'Appendable';
  return grows ? withType(row, 'Appendable') : row;
}
