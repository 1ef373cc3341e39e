// restoreAll: a prefix as it was at a moment. Every key gets a version more, the same as the one
// that stood then, or a delete marker where nothing did; those that are as they were get none.
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import { aborted, booleanOption, checkSignal, functionOption, readOptions } from '../options.ts';
import {
  planRestore,
  type RestorableVersion,
  type RestoreStep,
} from '../versioning/restore-plan.ts';
import { encodeVersionId } from '../versioning/version-id.ts';
import { listObjects } from './list.ts';
import { removeOne } from './remove.ts';
import { requireEnabled, restoreObject } from './restore.ts';
import type { RestoreAllOptions, RestorePlan, StoredObject } from './types.ts';
import { momentOption } from './wanted-version.ts';

const known: ReadonlySet<string> = new Set(['prefix', 'at', 'dryRun', 'onProgress', 'signal']);
/** Commits that are under way together: they share the disks' barriers. */
const atOnce = 64;

export async function restoreAll(
  context: StoreContext,
  bucketName: string,
  given: RestoreAllOptions,
): Promise<RestorePlan> {
  const options = readOptions('restoreAll', given, known); // InvalidArgument
  const { prefix = '', onProgress, signal } = options;
  const at = momentOption('restoreAll', 'at', options.at);
  const dryRun = booleanOption('restoreAll', 'dryRun', options.dryRun, false);
  functionOption('restoreAll', 'onProgress', onProgress);
  checkSignal('restoreAll', signal); // ABORTED
  await context.step(() =>
    underBucket(context, bucketName, async (bucket) => requireEnabled(bucket)),
  ); // NoSuchBucket
  const plan: RestorePlan = { restored: 0, deleted: 0, unchanged: 0, actions: [] };
  const listing = listObjects(context, bucketName, { prefix, versions: true, signal });
  for await (const [key, now, then] of byKey(listing, at))
    note(plan, key, planRestore(now, then, isSame));
  if (!dryRun) await carryOut(context, bucketName, plan, options);
  return plan;
}

/** Of each key its newest version, and the newest that is not after the moment. */
async function* byKey(
  listing: AsyncIterable<StoredObject>,
  at: number,
): AsyncGenerator<[key: string, now: Facts, then: Facts | null], void, undefined> {
  let now: Facts | null = null;
  let then: Facts | null = null;
  for await (const object of listing) {
    const facts = factsOf(object);
    if (now !== null && now.object.key !== object.key) {
      yield [now.object.key, now, then];
      now = then = null;
    }
    now ??= facts;
    if (facts.modified <= at) then ??= facts;
  }
  if (now !== null) yield [now.object.key, now, then];
}

interface Facts extends RestorableVersion {
  /** Milliseconds since 1970. */
  readonly modified: number;
  readonly object: StoredObject;
}

function factsOf(object: StoredObject): Facts {
  const { versionId, lastModified, isDeleteMarker = false } = object;
  const id = versionId ?? encodeVersionId(null);
  return { id, modified: lastModified.getTime(), isMarker: isDeleteMarker, object };
}

/** A copy has the ETag of what it is a copy of; all that was said of it must be the same, too. */
function isSame({ object: a }: Facts, { object: b }: Facts): boolean {
  return a.etag === b.etag && said(a) === said(b);
}

function said(object: StoredObject): string {
  const headers = [...object.httpHeaders()].filter(([name]) => !ofOneVersion.has(name));
  return JSON.stringify([headers, object.tags, object.symlinkTarget]);
}
/** A copy of an object that grew by appends is of another type. */
const ofOneVersion: ReadonlySet<string> = new Set([
  'last-modified',
  'x-oss-object-type',
  'x-oss-version-id',
]);

function note(plan: RestorePlan, key: string, step: RestoreStep): void {
  if (step.action === 'leave') {
    plan.unchanged++;
  } else if (step.action === 'delete') {
    plan.deleted++;
    plan.actions.push({ key, action: 'delete' });
  } else {
    plan.restored++;
    plan.actions.push({ key, action: 'restore', versionId: step.id });
  }
}

/** An abort or a crash on the way leaves some keys as they were then, the others as now. */
async function carryOut(
  context: StoreContext,
  bucketName: string,
  { actions }: RestorePlan,
  { onProgress, signal }: RestoreAllOptions,
): Promise<void> {
  let done = 0;
  let failed = false;
  const waiting = actions.values();
  const worker = async (): Promise<void> => {
    try {
      for (const { key, versionId } of waiting) {
        if (failed) return;
        if (signal?.aborted) throw aborted(signal);
        if (versionId === undefined)
          await context.step(() => removeOne(context, bucketName, key, { demand: requireEnabled }));
        else await restoreIfThere(context, bucketName, key, versionId);
        onProgress?.({ done: ++done, total: actions.length });
      }
    } catch (error) {
      failed = true; // What is under way ends; nothing new begins, and then the caller hears.
      throw error;
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, actions.length) }, worker);
  const ended = await Promise.allSettled(workers);
  for (const outcome of ended) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Somebody may have removed the version for good meanwhile: then there is nothing to restore. */
async function restoreIfThere(
  context: StoreContext,
  bucketName: string,
  key: string,
  versionId: string,
): Promise<void> {
  try {
    await restoreObject(context, bucketName, key, { versionId });
  } catch (error) {
    if (!StoreError.is(error, 'NoSuchVersion')) throw error;
  }
}
