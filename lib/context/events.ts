// What the store tells the outside: the logger it was given and two kinds of diagnostics channel.
//
//   strongroom:event              one message per StoreEvent
//   tracing:strongroom:<verb>:*   a TracingChannel per verb (object.put, object.get ...)
//
// A logger or callback that throws or rejects harms nothing. A subscriber of a diagnostics channel
// that throws harms no call either, but Node reports it as an 'uncaughtException': that is how Node
// documents its channels, and nobody outside of them can catch it.
import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import type { EngineEvent } from '../engine/storage-engine.ts';

/** The shape of pino and of `console`: facts first, then a sentence. */
export interface Logger {
  trace(o: object, m?: string): void;
  debug(o: object, m?: string): void;
  info(o: object, m?: string): void;
  warn(o: object, m?: string): void;
  error(o: object, m?: string): void;
}

/** Something an operator may want to know. Published on the channel `strongroom:event`. */
export type StoreEvent = { readonly path: string } & (
  | EngineEvent
  /** The root key lies in a file beside the store: a stolen machine has both. */
  | { readonly type: 'store:insecure-root-key'; readonly file: string; readonly reason: string }
  /** A body was dropped without being read to its end or disposed. */
  | { readonly type: 'body:forgotten'; readonly bucket: string; readonly key: string }
  | { readonly type: 'callback:failed'; readonly callback: string; readonly reason: string }
);
/** A StoreEvent before the store puts its path to it. */
export type NewEvent = StoreEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'path'>
    : never
  : never;

const sentences: Record<StoreEvent['type'], string> = {
  'zone:expelled': 'a zone was expelled: the store goes on without it',
  'zone:stale': 'a zone is stale: it does not count until it has caught up',
  'zone:returned': 'a zone is in the set again',
  'zone:whole': 'a zone that was away has everything again',
  'zones:shared-device': 'the zones share one device: losing it loses them all',
  rot: 'rot was found: a checksum is wrong',
  tampering: 'tampering was found: a checksum is right and its tag is wrong',
  'store:read-only': 'the store takes no writes',
  'store:insecure-root-key': 'the root key lies in a file beside the store',
  'body:forgotten': 'an object body was neither read to its end nor disposed',
  'callback:failed': 'a callback threw',
};

const eventChannel = channel('strongroom:event');

export class Events {
  readonly #path: string;
  readonly #logger: Logger | undefined;

  constructor(path: string, logger: Logger | undefined) {
    this.#path = path;
    this.#logger = logger;
  }

  /** Never throws. */
  emit(event: NewEvent): void {
    const full = { ...event, path: this.#path } as StoreEvent;
    this.#warn(full);
    if (eventChannel.hasSubscribers) eventChannel.publish(full);
  }

  /** Reports a caller's callback that threw; the call it belongs to goes on. */
  callbackFailed(callback: string, error: unknown): void {
    this.emit({ type: 'callback:failed', callback, reason: textOf(error) });
  }

  #warn(event: StoreEvent): void {
    // A broken logger must not break the store, and there is nowhere to say so.
    callBack(
      () => this.#logger?.warn(event, `strongroom: ${sentences[event.type]}`),
      () => {},
    );
  }
}

/**
 * Runs a caller's callback, which may be async: what it throws or rejects with goes to `failed`,
 * since a rejection that nobody takes ends the process. Never throws.
 */
export function callBack(callback: () => unknown, failed: (error: unknown) => void): void {
  try {
    const answer = callback() as PromiseLike<unknown> | null | undefined;
    if (typeof answer?.then === 'function') Promise.resolve(answer).catch(failed);
  } catch (error) {
    failed(error);
  }
}

/** Whatever was thrown: it need not be an Error, nor have a text at all. */
function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that has no text';
  }
}

/** What the tracing channels of the verbs carry; `result` and `error` are added by Node. */
export interface TraceContext {
  readonly bucket: string;
  readonly key?: string | undefined;
}

/**
 * A verb's tracing channel. Checked by `hasSubscribers` on each call, so it costs nothing unheard.
 */
export function verbChannel(verb: string): TracingChannel<string, TraceContext> {
  return tracingChannel<string, TraceContext>(`strongroom:${verb}`);
}
