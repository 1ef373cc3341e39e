// The tags of an object or of one version of it: read, set, deleted. Only the row is written anew:
// its bytes, ETag and time of modification stay, as OSS has it.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { ownObjectRowKey } from '../engine/row-key.ts';
import type { Row, RowKey } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { type FoundVersion, findVersion, type WantedVersion } from './find-version.ts';
import { decodeObjectRow, withTags } from './object-row.ts';
import { encodeTags } from './tags.ts';
import { readableVersion, wantedVersion } from './wanted-version.ts';

/** Null when it has none. NoSuchKey, NoSuchVersion, MethodNotAllowed. */
export async function objectTags(
  context: StoreContext,
  bucketName: string,
  key: string,
  version: VersionOption = {},
): Promise<Record<string, string> | null> {
  checkObjectKey(key); // InvalidObjectName
  const wanted = wantedVersion('tags', version); // InvalidArgument
  context.enter(); // STORE_CLOSED
  try {
    const { row } = await underBucket(context, bucketName, (bucket) =>
      taggable(context, bucket, key, wanted),
    ); // NoSuchBucket
    const { tags } = decodeObjectRow(row.body);
    return Object.keys(tags).length === 0 ? null : Object.fromEntries(Object.entries(tags));
  } finally {
    context.leave();
  }
}

/** `tags` null takes them away. NoSuchKey, NoSuchVersion, InvalidTag, TooManyTags. */
export async function setObjectTags(
  context: StoreContext,
  bucketName: string,
  key: string,
  tags: Record<string, string> | null,
  version: VersionOption = {},
): Promise<void> {
  checkObjectKey(key); // InvalidObjectName
  const encoded = tags === null ? nothing : encodeTags('tags', tags);
  const wanted = wantedVersion('tags', version); // InvalidArgument
  context.enter(); // STORE_CLOSED
  try {
    while (!(await setOnce(context, bucketName, key, wanted, encoded)));
  } finally {
    context.leave();
  }
}

/** Of which version of an object. */
export interface VersionOption {
  versionId?: string | undefined;
}

const nothing = new Uint8Array(0);

/** False when the object changed in between: its new row gets the tags. */
function setOnce(
  context: StoreContext,
  bucketName: string,
  key: string,
  wanted: WantedVersion | null,
  tags: Uint8Array,
): Promise<boolean> {
  return underBucket(context, bucketName, async (bucket) => {
    const found = await taggable(context, bucket, key, wanted);
    const unchanged = { key: found.key, revision: found.row.revision };
    try {
      await context.engine.commit({
        checks: [bucket.check, unchanged],
        effects: [retagged(found.key, found.row, tags)],
      });
      return true;
    } catch (error) {
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
      return false;
    }
  });
}

async function taggable(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  wanted: WantedVersion | null,
): Promise<{ key: RowKey; row: Row }> {
  const place = { bucket: bucket.name, key };
  if (wanted !== null) {
    const version = await findVersion(context, bucket, key, wanted);
    return readableVersion(version, wanted, place) as FoundVersion;
  }
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const found = await context.engine.get({ key: rowKey, check: bucket.check });
  if (found === null) throw new StoreError('NoSuchKey', undefined, place);
  return { key: rowKey, row: found.row };
}

function retagged(key: Uint8Array, row: Row, tags: Uint8Array) {
  const { modified } = row;
  return { key, modified, body: withTags(row.body, tags), blob: { keep: true } } as const;
}
