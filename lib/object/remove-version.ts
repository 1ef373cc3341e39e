// remove by version: for good. Where it was the newest, the version behind it stands again, unless
// that is a delete marker.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import { ownObjectRowKey, versionRowKey } from '../engine/row-key.ts';
import type { Check, Effect, Row, UnchangedRange } from '../engine/storage-engine.ts';
import { aborted } from '../options.ts';
import { standsAgain } from '../versioning/next-version.ts';
import { parseVersionId } from '../versioning/version-id.ts';
import { unlessMoved } from './commit-object.ts';
import { type FoundVersion, findVersion } from './find-version.ts';
import type { RemovedObject } from './types.ts';
import { type KeptVersion, newerThan, newestKept } from './version-rows.ts';

/** A version that is not there counts as removed. */
export async function removeVersion(
  context: StoreContext,
  bucketName: string,
  key: string,
  versionId: string,
  signal: AbortSignal | undefined,
): Promise<RemovedObject> {
  const wanted = { version: parseVersionId('remove', versionId) };
  for (;;) {
    const bucket = await context.buckets.require(bucketName); // NoSuchBucket
    const removed = await unlessMoved(async () => {
      const gone = await findVersion(context, bucket, key, wanted);
      if (gone === null) return { key, versionId };
      const neighbours = await neighboursOf(context, bucket, key, gone);
      if (signal?.aborted) throw aborted(signal);
      await context.engine.commit(removal(context, bucket, key, gone, neighbours));
      return { key, versionId, ...(gone.isMarker && { deleteMarker: true }) };
    });
    if (removed !== null) return removed;
  }
}

/** What a removal hangs on, besides the version that goes. */
interface Neighbours {
  /** What stands, where that is another one. */
  readonly standing: Row | null;
  /** Of the rows that do not stand; null: there is none. */
  readonly newest: KeptVersion | null;
  /** Nothing newer than `gone` is there. */
  readonly isNewest: boolean;
  /** The one behind it then. */
  readonly next: KeptVersion | null;
}

async function neighboursOf(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  gone: FoundVersion,
): Promise<Neighbours> {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const standing = gone.stands
    ? null
    : ((await context.engine.get({ key: rowKey, check: bucket.check }))?.row ?? null);
  const [newest = null, second = null] = await newestKept(context, bucket, key, 2);
  const isNewest = gone.stands || (standing === null && newest?.version === gone.row.version);
  return { standing, newest, isNewest, next: gone.stands ? newest : second };
}

function removal(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  gone: FoundVersion,
  { standing, newest, isNewest, next }: Neighbours,
): { checks: Check[]; ranges: UnchangedRange[]; effects: Effect[] } {
  const { id } = bucket.row;
  const rowKey = ownObjectRowKey(id, key);
  const keptKey = ({ version }: KeptVersion) => versionRowKey(id, key, version);
  const event = eventOf(context, bucket, 'ObjectRemoved:Delete', key, context.now());
  const checks: Check[] = [bucket.check, { key: gone.key, revision: gone.row.revision }];
  if (!isNewest) {
    // Something newer still is there when this one goes: else what is behind it had to stand.
    if (standing !== null) checks.push({ key: rowKey, revision: standing.revision });
    else if (newest !== null) checks.push({ key: keptKey(newest), revision: newest.revision });
    return { checks, ranges: [], effects: [{ key: gone.key, delete: true, event }] };
  }
  // What is behind it is there, whether it is to stand or a marker; nothing came in front of it.
  if (next !== null) checks.push({ key: keptKey(next), revision: next.revision });
  if (!gone.stands) checks.push({ key: rowKey, revision: null });
  const ranges = [newerThan(bucket, key, newest?.version ?? null)];
  const effects: Effect[] = gone.stands ? [] : [{ key: gone.key, delete: true, event }];
  const told = gone.stands ? { event } : {};
  if (next !== null && standsAgain(next))
    effects.push({ key: rowKey, from: keptKey(next), ...told });
  else if (gone.stands) effects.push({ key: rowKey, delete: true, event });
  return { checks, ranges, effects };
}
