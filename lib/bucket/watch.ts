// watch: the events of a bucket as they come, or from an earlier one on. They are read from rows, a
// page at a time, so a watcher holds no more than a page, however far behind it is, and goes on in
// a later process as if nothing had been. Between pages it waits for the engine, inside no call.
import { type KnownBucket, noSuchBucket } from '../context/bucket-directory.ts';
import {
  decodeEvent,
  decodeEventId,
  floorOf,
  isBefore,
  type ObjectEvent,
  objectEventTypes,
  positionOf,
} from '../context/object-events.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { type EventPosition, eventRows, eventsUnder, objectTextFrom } from '../engine/row-key.ts';
import type { ChangeWait, Page } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkKeyText } from '../name/object-key.ts';
import { aborted, checkSignal, hear, isRecord, readOptions, unhear } from '../options.ts';
import { keepingEvents, newestPosition } from './events.ts';
import type { WatchOptions } from './types.ts';

const known: ReadonlySet<string> = new Set(['prefix', 'suffix', 'type', 'from', 'signal']);
const pageMax = 256;

export function watchObjects(
  context: StoreContext,
  name: string,
  given: WatchOptions = {},
): AsyncIterable<ObjectEvent> {
  // A copy: the caller may use the same object for the next call.
  const options = isRecord(given) ? { ...given } : given;
  return { [Symbol.asyncIterator]: () => new Watcher(context, name, options) };
}

/** An async generator's own return() would not end its wait. */
class Watcher implements AsyncIterator<ObjectEvent, undefined> {
  readonly #context: StoreContext;
  readonly #events: AsyncGenerator<ObjectEvent, undefined, undefined>;
  #signal: AbortSignal | undefined;
  #returned = false;
  #wait: ChangeWait | null = null;

  constructor(context: StoreContext, name: string, options: WatchOptions) {
    this.#context = context;
    this.#events = this.#run(name, options);
  }

  next(): Promise<IteratorResult<ObjectEvent, undefined>> {
    return this.#events.next();
  }

  return(): Promise<IteratorResult<ObjectEvent, undefined>> {
    this.#returned = true;
    this.#wait?.stop();
    return this.#events.return(undefined);
  }

  async *#run(
    name: string,
    given: WatchOptions,
  ): AsyncGenerator<ObjectEvent, undefined, undefined> {
    const options = readOptions('watch', given, known);
    checkWatch(options); // TypeError, InvalidArgument, InvalidObjectName, ABORTED
    this.#signal = options.signal;
    const context = this.#context;
    const { bucket, ...begun } = await context.step(() => begin(context, name, options));
    let { position } = begun;
    while (!this.#returned) {
      this.#refuse(); // ABORTED, STORE_CLOSED
      const page = await this.#nextPage(bucket, position); // EVENTS_GONE, NoSuchBucket
      for (let i = 0; i < page.count; i++) {
        position = positionOf(page, i);
        const event = decodeEvent(bucket, page, i);
        if (!isWanted(event, options)) continue;
        this.#refuse();
        yield event;
      }
    }
    return undefined;
  }

  #refuse(): void {
    if (this.#signal?.aborted) throw aborted(this.#signal);
    if (this.#context.closed) throw new StoreError('STORE_CLOSED');
  }

  /** What stands behind the position; waits for it if that is nothing, and is then empty. */
  async #nextPage(bucket: KnownBucket, position: EventPosition): Promise<Page> {
    const context = this.#context;
    // Begun before the read, so that nothing comes unseen between the two.
    const wait = context.engine.awaitChange(eventsUnder(bucket.row.id));
    try {
      const page = await context.step(() => readEvents(context, bucket, position));
      if (page.count === 0 && page.resume === null) await this.#until(wait);
      return page;
    } finally {
      wait.stop();
    }
  }

  /** A change, return(), the signal, or the end of the store. */
  async #until(wait: ChangeWait): Promise<void> {
    const { waits } = this.#context;
    const stop = () => wait.stop();
    this.#wait = wait;
    waits.add(wait);
    hear(this.#signal, stop);
    // Each may have come while the page was read.
    if (this.#returned || this.#context.closed || this.#signal?.aborted) stop();
    await wait.over;
    unhear(this.#signal, stop);
    waits.delete(wait);
    this.#wait = null;
  }
}

function checkWatch({ prefix, suffix, type, from, signal }: WatchOptions): void {
  for (const [name, text] of Object.entries({ prefix, suffix, from }))
    if (text !== undefined && typeof text !== 'string')
      throw new TypeError(`watch: ${name} must be a string`);
  checkKeyText(prefix ?? '');
  checkKeyText(suffix ?? '');
  if (type !== undefined && !Array.isArray(type))
    throw new TypeError('watch: type must be an array of types');
  for (const each of type ?? [])
    if (!objectEventTypes.includes(each))
      throw invalidArgument(`watch: ${JSON.stringify(each)} is no type of an event`);
  checkSignal('watch', signal);
}

function isWanted({ key, type }: ObjectEvent, options: WatchOptions): boolean {
  if (options.type !== undefined && !options.type.includes(type)) return false;
  return key.startsWith(options.prefix ?? '') && key.endsWith(options.suffix ?? '');
}

/** NoSuchBucket, EVENTS_GONE, InvalidArgument. */
async function begin(
  context: StoreContext,
  name: string,
  { from }: WatchOptions,
): Promise<{ bucket: KnownBucket; position: EventPosition }> {
  if (from === undefined) {
    const bucket = await keepingEvents(context, name);
    return { bucket, position: newestPosition(context) };
  }
  const bucket = await context.buckets.require(name);
  const position = decodeEventId('watch', bucket, from);
  if (position === null)
    throw eventsGone(name, 'the id is of another bucket, or of one that was deleted');
  // A store that was set back has not come as far, and will come there by other changes.
  if (isBefore(newestPosition(context), position)) throw eventsGone(name);
  return { bucket, position };
}

/** EVENTS_GONE when some between the position and the page are not kept any more. */
function readEvents(
  context: StoreContext,
  watched: KnownBucket,
  position: EventPosition,
): Promise<Page> {
  const { engine } = context;
  return underBucket(context, watched.name, async (bucket) => {
    if (!bucket.isSame(watched)) throw noSuchBucket(bucket.name);
    const { check, row } = bucket;
    if (bucket.eventsUnder === null) throw eventsGone(bucket.name);
    const rows = eventRows(row.id, position);
    const page = await engine.scan({ ...rows, check, limit: pageMax, textFrom: objectTextFrom });
    // Behind the page: what was forgotten before it was read is below the floor by now.
    const floor = await engine.get({ key: bucket.eventsUnder, check });
    if (floor === null || isBefore(position, floorOf(floor.row))) throw eventsGone(bucket.name);
    return page;
  });
}

function eventsGone(bucket: string, message?: string): StoreError {
  return new StoreError('EVENTS_GONE', message, { bucket });
}
