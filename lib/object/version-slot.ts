// The slot of a key's next version: what a commit must demand and do besides writing the object, so
// that its older versions become what nextVersion() decides.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import { ownObjectRowKey, versionRowKey } from '../engine/row-key.ts';
import type { Check, Effect, UnchangedRange } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import {
  hangsOnStanding,
  type NextVersion,
  nextVersion,
  type WriteVerb,
} from '../versioning/next-version.ts';
import { encodeMarkerRow, isNumbered } from './object-row.ts';
import { keptNull, newerThan } from './version-rows.ts';

export interface VersionSlot {
  readonly next: NextVersion;
  readonly checks: readonly Check[];
  readonly ranges: readonly UnchangedRange[];
  /** The null version that goes. */
  readonly effects: readonly Effect[];
}

function fixed(state: 'Unversioned' | 'Enabled', verb: WriteVerb): VersionSlot {
  return { next: nextVersion(state, verb, 'nothing'), checks: [], ranges: [], effects: [] };
}

const known = {
  Unversioned: { put: fixed('Unversioned', 'put'), remove: fixed('Unversioned', 'remove') },
  Enabled: { put: fixed('Enabled', 'put'), remove: fixed('Enabled', 'remove') },
} as const;
const unversionedAppend = fixed('Unversioned', 'append');

/**
 * Without I/O where nothing hangs on what stands. Else the commit may be refused when that has
 * moved: the slot is then asked for again. PreconditionFailed when the bucket moved.
 */
export function versionSlot(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  verb: WriteVerb,
): VersionSlot | Promise<VersionSlot> {
  const { versioning } = bucket.row;
  if (hangsOnStanding(versioning, verb)) return readSlot(context, bucket, key, verb);
  if (verb === 'append') return unversionedAppend;
  return known[versioning === 'Unversioned' ? 'Unversioned' : 'Enabled'][verb];
}

/** Whether a refused commit may be due to what stands having moved. */
export function slotMayMove(bucket: KnownBucket, verb: WriteVerb): boolean {
  return hangsOnStanding(bucket.row.versioning, verb);
}

async function readSlot(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  verb: WriteVerb,
): Promise<VersionSlot> {
  const { check, row } = bucket;
  const rowKey = ownObjectRowKey(row.id, key);
  const found = (await context.engine.get({ key: rowKey, check }))?.row ?? null;
  const standing = found === null ? 'nothing' : isNumbered(found.body) ? 'numbered' : 'null';
  const next = nextVersion(row.versioning, verb, standing);
  const checks: Check[] = [{ key: rowKey, revision: found?.revision ?? null }];
  if (next.dropNull === 'none') return { next, checks, ranges: [], effects: [] };
  // Nothing newer came: whatever is the null version was seen.
  const { newest, kept } = await keptNull(context, bucket, key);
  if (next.dropNull === 'marker' && kept !== null && !kept.isMarker)
    throw new StoreError('ObjectNotAppendable', 'the key keeps an object as its version null', {
      bucket: bucket.name,
      key,
    });
  const ranges = [newerThan(bucket, key, newest)];
  if (kept === null) return { next, checks, ranges, effects: [] };
  const nullKey = versionRowKey(row.id, key, kept.version);
  checks.push({ key: nullKey, revision: kept.revision });
  return { next, checks, ranges, effects: [{ key: nullKey, delete: true }] };
}

/** The effects of a removal without a version id; of its marker the last. */
export function removalEffects(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  { next, effects }: VersionSlot,
): Effect[] {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const { marker, keepOld } = next;
  const modified = bucket.eventsUnder === null && !marker ? 0 : context.now();
  const type = marker ? 'ObjectRemoved:DeleteMarkerCreated' : 'ObjectRemoved:Delete';
  const event = eventOf(context, bucket, type, key, modified);
  if (!marker) return [{ key: rowKey, delete: true, event }];
  return [
    { key: rowKey, delete: true, keepOld },
    ...effects,
    {
      key: versionRowKey(bucket.row.id, key, 0),
      versioned: true,
      modified,
      body: encodeMarkerRow(next),
      event,
    },
  ];
}
