// What is left of the events of a bucket that keeps none any more, or that is gone. The commit that
// said so wrote a doomed row in the place of the floor row; the events go after it, a batch at a
// time, and the doomed row last. A crash on the way leaves it to the next open.
import { positionOf } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import {
  doomedEventsKey,
  doomedEventsRows,
  eventRowKey,
  eventRows,
  eventsUnder,
  objectTextFrom,
} from '../engine/row-key.ts';
import type { Effect, Page, RowKey } from '../engine/storage-engine.ts';

const batchMax = 1000;

/** To be part of the commit after which no event is told any more. */
export function doomEvents(bucketId: Uint8Array, modified: number): Effect[] {
  return [
    { key: eventsUnder(bucketId), delete: true },
    { key: doomedEventsKey(bucketId), modified, body: bucketId },
  ];
}

/** Of events told before the commit `revision`, which doomed them. Never rejects. */
export async function clearDoomedEvents(
  context: StoreContext,
  bucketId: Uint8Array,
  revision: number,
): Promise<void> {
  // Whatever stops it, the doomed row is there still, and the next open goes on.
  await clear(context, bucketId, revision).catch(() => {});
}

/** What earlier opens left, beside the first calls of this one. Never rejects. */
export async function sweepDoomedEvents(context: StoreContext): Promise<void> {
  try {
    const { start, end } = doomedEventsRows();
    for (let from: RowKey | null = start; from !== null; ) {
      const request = { start: from, end, limit: batchMax, textFrom: objectTextFrom };
      const page: Page = await context.step(() => context.engine.scan(request));
      for (let i = 0; i < page.count; i++) await clear(context, page.body(i), page.revision(i));
      from = page.resume;
    }
  } catch {
    // The store is closed again, or takes no writes.
  }
}

async function clear(context: StoreContext, bucketId: Uint8Array, revision: number): Promise<void> {
  const { engine } = context;
  const end = eventRowKey(bucketId, { sequence: revision, place: 0 });
  for (let start: RowKey | null = eventRows(bucketId, null).start; start !== null; ) {
    const request = { start, end, limit: batchMax, textFrom: objectTextFrom };
    const page: Page = await context.step(() => engine.scan(request));
    const effects: Effect[] = [];
    for (let i = 0; i < page.count; i++)
      effects.push({ key: eventRowKey(bucketId, positionOf(page, i)), delete: true });
    if (effects.length > 0) await context.step(() => engine.commit({ effects }));
    start = page.resume;
  }
  const key = doomedEventsKey(bucketId);
  const effects: Effect[] = [{ key, delete: true }];
  // Refused where they were kept again and doomed again meanwhile: that is another's work.
  await context.step(() => engine.commit({ checks: [{ key, revision }], effects }));
}
