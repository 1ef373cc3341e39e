// The tags of an object that stands: read, set, deleted. Only the row is written anew: its bytes,
// ETag and time of modification stay, as OSS has it.
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey, ownObjectRowKey } from '../engine/row-key.ts';
import type { Row } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { decodeObjectRow, withTags } from './object-row.ts';
import { encodeTags } from './tags.ts';

/** Null when it has none. NoSuchKey. */
export async function objectTags(
  context: StoreContext,
  bucketName: string,
  key: string,
): Promise<Record<string, string> | null> {
  checkObjectKey(key); // InvalidObjectName
  context.enter(); // STORE_CLOSED
  try {
    const found = await underBucket(context, bucketName, ({ check, row }) =>
      context.engine.get({ key: objectRowKey(row.id, key), check }),
    ); // NoSuchBucket
    if (found === null) throw noSuchKey(bucketName, key);
    const { tags } = decodeObjectRow(found.row.body);
    return Object.keys(tags).length === 0 ? null : Object.fromEntries(Object.entries(tags));
  } finally {
    context.leave();
  }
}

/** `tags` null takes them away. NoSuchKey, InvalidTag, TooManyTags. */
export async function setObjectTags(
  context: StoreContext,
  bucketName: string,
  key: string,
  tags: Record<string, string> | null,
): Promise<void> {
  checkObjectKey(key); // InvalidObjectName
  const encoded = tags === null ? nothing : encodeTags('tags', tags);
  context.enter(); // STORE_CLOSED
  try {
    while (!(await setOnce(context, bucketName, key, encoded)));
  } finally {
    context.leave();
  }
}

const nothing = new Uint8Array(0);

/** False when the object changed in between: its new row gets the tags. */
function setOnce(
  context: StoreContext,
  bucketName: string,
  key: string,
  tags: Uint8Array,
): Promise<boolean> {
  return underBucket(context, bucketName, async ({ check, row }) => {
    const rowKey = ownObjectRowKey(row.id, key);
    const found = await context.engine.get({ key: rowKey, check });
    if (found === null) throw noSuchKey(bucketName, key);
    const unchanged = { key: rowKey, revision: found.row.revision };
    try {
      await context.engine.commit({
        checks: [check, unchanged],
        effects: [retagged(rowKey, found.row, tags)],
      });
      return true;
    } catch (error) {
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
      return false;
    }
  });
}

function retagged(key: Uint8Array, row: Row, tags: Uint8Array) {
  const { modified } = row;
  return { key, modified, body: withTags(row.body, tags), blob: { keep: true } } as const;
}

function noSuchKey(bucket: string, key: string): StoreError {
  return new StoreError('NoSuchKey', undefined, { bucket, key });
}
