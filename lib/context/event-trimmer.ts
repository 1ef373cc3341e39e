// EventTrimmer: keeps the events of a bucket bounded. Now and then, beside the writes that tell of
// changes, it forgets what is older than the newest that the bucket keeps: oldest first, and the
// floor row moves in the same commits, so that nobody takes a gap for silence.
import { eventRowKey, eventRows, objectTextFrom } from '../engine/row-key.ts';
import type { Effect, RowKey } from '../engine/storage-engine.ts';
import type { KnownBucket } from './bucket-directory.ts';
import { encodeFloor, floorOf, positionOf } from './object-events.ts';
import type { StoreContext } from './store-context.ts';

/** Effects of one commit. */
const batchMax = 256;
const pageMax = 10_000;
const bucketsMax = 1000;

export class EventTrimmer {
  readonly #context: StoreContext;
  /** Events until the next look, by the bucket's id. */
  readonly #left = new Map<string, number>();
  readonly #running = new Set<string>();

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /**
   * One more event is about to be told. A quarter more than was asked for may be kept, and 16 more
   * on each thread that has the store open.
   */
  count(bucket: KnownBucket): void {
    const id = Buffer.from(bucket.row.id).toString('hex');
    const left = (this.#left.get(id) ?? 1) - 1;
    if (this.#left.size >= bucketsMax) this.#left.clear();
    this.#left.set(id, left > 0 ? left : Math.max(16, (bucket.row.eventsKept ?? 0) >> 2));
    if (left > 0 || this.#running.has(id)) return;
    this.#running.add(id);
    // Whatever stops it, such as close(), leaves more events than were asked for; the next look
    // goes on from there.
    this.#trim(bucket)
      .catch(() => {})
      .finally(() => this.#running.delete(id));
  }

  async #trim(bucket: KnownBucket): Promise<void> {
    const end = await this.#context.step(() => this.#oldestKept(bucket));
    while (end !== null && (await this.#context.step(() => this.#forgetSome(bucket, end))));
  }

  /** Where the newest events that are kept begin; null when there are no older ones. */
  async #oldestKept({ row }: KnownBucket): Promise<RowKey | null> {
    let { start, end } = eventRows(row.id, null);
    for (let left = row.eventsKept ?? 0; left > 0; ) {
      const limit = Math.min(left, pageMax);
      const request = { start, end, limit, reverse: true, textFrom: objectTextFrom };
      const page = await this.#context.engine.scan(request);
      if (page.resume === null) return null;
      left -= page.count;
      end = page.resume;
    }
    return end;
  }

  /** False when nothing is left to forget. */
  async #forgetSome({ row, check, eventsUnder }: KnownBucket, end: RowKey): Promise<boolean> {
    if (eventsUnder === null) return false;
    const { engine } = this.#context;
    const floor = await engine.get({ key: eventsUnder, check });
    if (floor === null) return false;
    // Not from the first row key on: an index steps over each row that was deleted there lately.
    const { start } = eventRows(row.id, floorOf(floor.row));
    const page = await engine.scan({ start, end, limit: batchMax, textFrom: objectTextFrom });
    if (page.count === 0) return false;
    const effects: Effect[] = [];
    for (let i = 0; i < page.count; i++)
      effects.push({ key: eventRowKey(row.id, positionOf(page, i)), delete: true });
    const body = encodeFloor(positionOf(page, page.count - 1));
    effects.push({ key: eventsUnder, modified: this.#context.now(), body });
    const checks = [check, { key: eventsUnder, revision: floor.row.revision }];
    await engine.commit({ checks, effects });
    return page.resume !== null;
  }
}
