// EventsHandle: what bucket.events gives.
import { forgetEvents, keepEvents, keptEvents, lastEventId } from '../bucket/events.ts';
import type { EventsConfig } from '../bucket/types.ts';
import type { StoreContext } from '../context/store-context.ts';
import type { ConfigHandle } from './tags-handle.ts';

/** Whether a bucket keeps events, for {@link Bucket.watch}, and how many. */
export class EventsHandle implements ConfigHandle<EventsConfig> {
  readonly #context: StoreContext;
  readonly #bucket: string;

  /** @internal */
  constructor(context: StoreContext, bucket: string) {
    this.#context = context;
    this.#bucket = bucket;
  }

  /**
   * Null when none are kept.
   * @throws {StoreError} NoSuchBucket, STORE_CLOSED
   */
  get(): Promise<EventsConfig | null> {
    return keptEvents(this.#context, this.#bucket);
  }

  /**
   * Keeps events from now on. Each change of an object then writes one row more.
   * @throws {StoreError} InvalidArgument, NoSuchBucket, STORE_CLOSED, STORE_READ_ONLY
   */
  set(config: EventsConfig): Promise<void> {
    return keepEvents(this.#context, this.#bucket, config);
  }

  /**
   * Keeps none any more; those that there were go.
   * @throws {StoreError} NoSuchBucket, STORE_CLOSED, STORE_READ_ONLY
   */
  delete(): Promise<void> {
    return forgetEvents(this.#context, this.#bucket);
  }

  /**
   * An id to watch from: every change that is acknowledged after this call comes behind it. Taken
   * before a list, it joins the list and the events without a gap. Keeps events from now on.
   * @throws {StoreError} NoSuchBucket, STORE_CLOSED, STORE_READ_ONLY
   */
  last(): Promise<string> {
    return lastEventId(this.#context, this.#bucket);
  }
}
