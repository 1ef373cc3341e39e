// head and has: what is known of an object without its bytes.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey } from '../engine/row-key.ts';
import type { Row } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal } from '../options.ts';
import { type Condition, readCondition, readRefusal } from './condition.ts';
import { findVersion, type WantedVersion } from './find-version.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import type { HasOptions, HeadOptions, StoredObject } from './types.ts';
import { readableVersion, wantedVersion } from './wanted-version.ts';

const known: ReadonlySet<string> = new Set(['onlyIf', 'signal', 'versionId', 'at']);
const knownToHas: ReadonlySet<string> = new Set(['signal']);

export async function headObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: HeadOptions,
): Promise<StoredObject | null> {
  checkObjectKey(key); // InvalidObjectName
  const condition = options === undefined ? null : checkHeadOptions(options); // InvalidArgument
  const wanted = options === undefined ? null : wantedVersion('head', options);
  const { bucket, row } = await findRow(context, bucketName, key, wanted, options?.signal);
  if (row === null) return null;
  const refusal = condition === null ? null : readRefusal(condition, row);
  if (refusal !== null) throw new StoreError(refusal, undefined, { bucket: bucketName, key });
  return new ObjectView(bucket, new RowEntry(key, row), 0);
}

export async function hasObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: HasOptions,
): Promise<boolean> {
  checkObjectKey(key); // InvalidObjectName
  if (options !== undefined) {
    checkOptions('has', options, knownToHas); // InvalidArgument
    checkSignal('has', options.signal); // ABORTED
  }
  return (await findRow(context, bucketName, key, null, options?.signal)).row !== null;
}

function checkHeadOptions(options: HeadOptions): Condition | null {
  checkOptions('head', options, known);
  const { onlyIf } = options;
  const condition = onlyIf === undefined ? null : readCondition('head', onlyIf);
  checkSignal('head', options.signal); // ABORTED
  return condition;
}

/** NoSuchBucket, NoSuchVersion, MethodNotAllowed. */
async function findRow(
  context: StoreContext,
  bucketName: string,
  key: string,
  wanted: WantedVersion | null,
  signal: AbortSignal | undefined,
): Promise<{ bucket: KnownBucket; row: Row | null }> {
  context.enter(); // STORE_CLOSED
  try {
    const found = await underBucket(context, bucketName, async (bucket) => ({
      bucket,
      row: await rowOf(context, bucket, key, wanted),
    }));
    if (signal?.aborted) throw aborted(signal);
    return found;
  } finally {
    context.leave();
  }
}

async function rowOf(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  wanted: WantedVersion | null,
): Promise<Row | null> {
  const { check, row, name } = bucket;
  if (wanted === null)
    return (await context.engine.get({ key: objectRowKey(row.id, key), check }))?.row ?? null;
  const version = await findVersion(context, bucket, key, wanted);
  return readableVersion(version, wanted, { bucket: name, key })?.row ?? null;
}
