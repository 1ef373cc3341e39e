// Finds one version of a key: by its id, or as of a moment. It may stand or be kept, and go from
// the one to the other while it is looked for.
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import { ownObjectRowKey, versionRowKey } from '../engine/row-key.ts';
import type { Row, RowKey } from '../engine/storage-engine.ts';
import type { VersionNumber } from '../versioning/version-id.ts';
import { isMarker, isNumbered } from './object-row.ts';
import { keptVersions } from './version-rows.ts';

/** A version by its number, null the null version; or the one that was the newest at a moment. */
export type WantedVersion = { readonly version: VersionNumber } | { readonly at: number };

export interface FoundVersion {
  /** Where its row is. */
  readonly key: RowKey;
  readonly row: Row;
  /** It is the object that a get without a version finds. */
  readonly stands: boolean;
  readonly isMarker: boolean;
}

/** Null when there is none. PreconditionFailed, without a key, when the bucket moved. */
export async function findVersion(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  wanted: WantedVersion,
): Promise<FoundVersion | null> {
  const standingKey = ownObjectRowKey(bucket.row.id, key);
  const standing = async (): Promise<Row | null> =>
    (await context.engine.get({ key: standingKey, check: bucket.check }))?.row ?? null;
  for (let row = await standing(); ; ) {
    if (row !== null && isWanted(row, wanted))
      return { key: standingKey, row, stands: true, isMarker: false };
    const found = await findKept(context, bucket, key, wanted);
    // A number is that of one version, wherever it was found.
    if (found !== null && 'version' in wanted && wanted.version !== null) return found;
    // It may have begun to stand after that was read, and before the others were.
    const now = await standing();
    if (now?.revision === row?.revision) return found;
    row = now;
  }
}

function isWanted(row: Row, wanted: WantedVersion): boolean {
  if ('at' in wanted) return row.modified <= wanted.at;
  return wanted.version === (isNumbered(row.body) ? row.version : null);
}

async function findKept(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  wanted: WantedVersion,
): Promise<FoundVersion | null> {
  const version = await keptNumber(context, bucket, key, wanted);
  if (version === null) return null;
  const rowKey = versionRowKey(bucket.row.id, key, version);
  const found = await context.engine.get({ key: rowKey, check: bucket.check });
  // One that went, or of which the number is that of the null version: that has no other name.
  if (found === null || !isNamed(found.row, wanted)) return null;
  const { row } = found;
  return { key: rowKey, row, stands: false, isMarker: isMarker(row.body) };
}

function isNamed(row: Row, wanted: WantedVersion): boolean {
  return 'at' in wanted || isNumbered(row.body) === (wanted.version !== null);
}

/** Under which number it may be kept. */
async function keptNumber(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  wanted: WantedVersion,
): Promise<number | null> {
  if ('version' in wanted && wanted.version !== null) return wanted.version;
  for await (const kept of keptVersions(context, bucket, key)) {
    if ('at' in wanted ? kept.modified <= wanted.at : !kept.isNumbered) return kept.version;
  }
  return null;
}
