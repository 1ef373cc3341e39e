// The events of a bucket: kept, or not. While they are, each commit that changes an object also
// writes a row that tells of it; docs/decisions/0022 says why they are rows.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { encodeEventId, encodeFloor } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import { type EventPosition, eventsUnder } from '../engine/row-key.ts';
import type { Effect } from '../engine/storage-engine.ts';
import { integerOption, readOptions } from '../options.ts';
import { changeRow } from './change-row.ts';
import { clearDoomedEvents, doomEvents } from './doomed-events.ts';
import type { EventsConfig } from './types.ts';

const known: ReadonlySet<string> = new Set(['keep']);
const keepDefault = 10_000;
const keepMax = 100_000;
/** Behind every place that a commit can have. */
const lastPlace = 0xffffffff;
/** Of a floor row: nothing is forgotten but what came before it. */
const beginning: EventPosition = { sequence: 0, place: 0 };

export async function keptEvents(
  context: StoreContext,
  name: string,
): Promise<EventsConfig | null> {
  context.enter(); // STORE_CLOSED
  try {
    const { eventsKept } = (await context.buckets.require(name)).row; // NoSuchBucket
    return eventsKept === undefined ? null : { keep: eventsKept };
  } finally {
    context.leave();
  }
}

export async function keepEvents(
  context: StoreContext,
  name: string,
  given: EventsConfig,
): Promise<void> {
  const { keep } = readOptions('events', given, known); // InvalidArgument
  const kept = integerOption('events', 'keep', keep, 1, keepMax) ?? keepDefault;
  context.enter(); // STORE_CLOSED
  try {
    await change(context, name, () => kept);
  } finally {
    context.leave();
  }
}

/** The events go too. */
export async function forgetEvents(context: StoreContext, name: string): Promise<void> {
  context.enter(); // STORE_CLOSED
  try {
    const { id, revision } = await change(context, name, () => undefined);
    if (revision !== null) await clearDoomedEvents(context, id, revision);
  } finally {
    context.leave();
  }
}

/** The id of the newest moment: every change that is acknowledged later comes behind it. */
export async function lastEventId(context: StoreContext, name: string): Promise<string> {
  context.enter(); // STORE_CLOSED
  try {
    const bucket = await keepingEvents(context, name);
    return encodeEventId(bucket, newestPosition(context));
  } finally {
    context.leave();
  }
}

/** The bucket, which keeps events from now on if it did not before. NoSuchBucket. */
export async function keepingEvents(context: StoreContext, name: string): Promise<KnownBucket> {
  let bucket = await context.buckets.require(name);
  while (bucket.eventsUnder === null) {
    await change(context, name, (kept) => kept ?? keepDefault);
    bucket = await context.buckets.require(name);
  }
  return bucket;
}

/** Behind all that is acknowledged, before all that is not begun. */
export function newestPosition({ engine }: StoreContext): EventPosition {
  return { sequence: engine.status().sequence, place: lastPlace };
}

/** The revision of the commit that changed what is kept, or null. NoSuchBucket. */
function change(
  context: StoreContext,
  name: string,
  toKeep: (kept: number | undefined) => number | undefined,
): Promise<{ id: Uint8Array; revision: number | null }> {
  return changeRow(context, name, ({ row, eventsUnder: under }, modified) => {
    const eventsKept = toKeep(row.eventsKept);
    if (row.eventsKept === eventsKept) return null;
    const effects: Effect[] = [];
    if (eventsKept === undefined) effects.push(...doomEvents(row.id, modified));
    else if (under === null)
      effects.push({ key: eventsUnder(row.id), modified, body: encodeFloor(beginning) });
    return { row: { ...row, eventsKept }, effects };
  });
}
