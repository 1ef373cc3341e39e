// The rows of a key's versions that do not stand, read from the newest on.
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import { objectTextFrom, versionRowKey, versionRows } from '../engine/row-key.ts';
import type { Page, RowKey, UnchangedRange } from '../engine/storage-engine.ts';
import { isMarker, isNumbered } from './object-row.ts';

/** Mostly the first rows decide. */
const pageFirst = 8;
const pageMax = 1000;

/** One of them, as far as decisions need it. */
export interface KeptVersion {
  readonly version: number;
  readonly revision: number;
  readonly modified: number;
  readonly isMarker: boolean;
  readonly isNumbered: boolean;
}

/** Of one key, newest first. PreconditionFailed when the bucket moved. */
export async function* keptVersions(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
): AsyncGenerator<KeptVersion, void, undefined> {
  const { start, end } = versionRows(bucket.row.id, key);
  let limit = pageFirst;
  for (let from: RowKey | null = start; from !== null; ) {
    const request = { start: from, end, limit, textFrom: objectTextFrom, check: bucket.check };
    const page: Page = await context.engine.scan(request);
    for (let i = 0; i < page.count; i++) yield keptVersion(page, i);
    from = page.resume;
    limit = pageMax;
  }
}

/** The newest of them, as many as there are up to `count`. */
export async function newestKept(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  count: number,
): Promise<KeptVersion[]> {
  const newest: KeptVersion[] = [];
  for await (const kept of keptVersions(context, bucket, key)) {
    newest.push(kept);
    if (newest.length === count) break;
  }
  return newest;
}

function keptVersion(page: Page, i: number): KeptVersion {
  const body = page.body(i);
  return {
    version: page.version(i),
    revision: page.revision(i),
    modified: page.modified(i),
    isMarker: isMarker(body),
    isNumbered: isNumbered(body),
  };
}

/** The newest version that does not stand, and the null version if it is one of them. */
export async function keptNull(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
): Promise<{ newest: number | null; kept: KeptVersion | null }> {
  let newest: number | null = null;
  for await (const kept of keptVersions(context, bucket, key)) {
    newest ??= kept.version;
    if (!kept.isNumbered) return { newest, kept };
  }
  return { newest, kept: null };
}

/** "Nothing newer than this version is kept"; null: nothing at all. */
export function newerThan(
  { row }: KnownBucket,
  key: string,
  version: number | null,
): UnchangedRange {
  const { start, end } = versionRows(row.id, key);
  return { start, end: version === null ? end : versionRowKey(row.id, key, version), newest: 0 };
}
