// restore: an older version of an object stands again, as a new version of its own: nothing is
// destroyed.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { readOptions } from '../options.ts';
import { encodeVersionId } from '../versioning/version-id.ts';
import { type CopyPlan, transfer } from './copy.ts';
import { findVersion } from './find-version.ts';
import { encodeObjectRow, isNumbered } from './object-row.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import type { RestoreTo, StoredObject } from './types.ts';
import { wantedVersion } from './wanted-version.ts';

/** Everything of the version stays as it is. */
const asItWas: CopyPlan = {
  header: encodeObjectRow('restore', undefined, ''),
  replaced: { metadata: false, tags: false },
  condition: null,
  signal: undefined,
  move: false,
  demand: requireEnabled,
};

const known: ReadonlySet<string> = new Set(['versionId', 'at']);

export async function restoreObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  to: RestoreTo,
): Promise<StoredObject> {
  checkObjectKey(key); // InvalidObjectName
  const wanted = wantedVersion('restore', readOptions('restore', to, known)); // InvalidArgument
  if (wanted === null) throw invalidArgument('restore: name a version by versionId or at');
  const place = { bucket: bucketName, key };
  const { bucket, version } = await context.step(() =>
    underBucket(context, bucketName, async (bucket) => ({
      bucket,
      version: await findVersion(context, bucket, key, wanted),
    })),
  ); // NoSuchBucket
  if (version === null) throw new StoreError('NoSuchVersion', undefined, place);
  if (version.isMarker) throw new StoreError('NoSuchKey', 'the object was removed then', place);
  if (version.stands) return new ObjectView(bucket, new RowEntry(key, version.row), 0);
  const number = isNumbered(version.row.body) ? version.row.version : null;
  const source = { ...place, versionId: encodeVersionId(number) };
  return transfer(context, source, place, asItWas);
}

/** Where versions are suspended a restored object would take the place of the null version. */
export function requireEnabled({ name, row }: KnownBucket): void {
  if (row.versioning === 'Enabled') return;
  throw invalidArgument(`restore: versioning of ${name} must be enabled, so that nothing is lost`);
}
