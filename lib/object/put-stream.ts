// PutStream: a put turned inside out, for code that wants to write. A put waits for pieces
// on one side, the writer for its callbacks on the other: one piece is on its way at a time.
//
//   idle ──first write or end()──▶ put under way ──commit──▶ finish, close
//     └── destroy(), an error ───────────┴─▶ put aborted ──▶ error, close: nothing is left
import { Writable } from 'node:stream';
import { StoreError } from '../errors.ts';
import type { Body, ObjectWriteStream, StoredObject } from './types.ts';

/** A put with everything but the body and the signal that stops it. */
export type OpenPut = (body: Body, signal: AbortSignal) => Promise<StoredObject>;

type Callback = (error?: Error | null) => void;

/** Bytes that wait before write() says false. */
const waitingMax = 256 * 1024;

export class PutStream extends Writable implements ObjectWriteStream {
  readonly #put: OpenPut;
  readonly #pieces = new Handover();
  readonly #stop = new AbortController();
  readonly #done: Promise<StoredObject>;
  #settle!: { resolve(object: StoredObject): void; reject(error: unknown): void };
  /** Whether the put has stored its object; never rejects. Null before it begins. */
  #settled: Promise<boolean> | null = null;

  constructor(put: OpenPut) {
    super({ highWaterMark: waitingMax });
    this.#put = put;
    this.#done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Who does not ask for it must not die of an unhandled rejection.
    this.#done.catch(() => {});
  }

  /** Whoever asks for it hears of errors here, and need not listen to `error` as well. */
  get done(): Promise<StoredObject> {
    if (this.listenerCount('error') === 0) this.on('error', () => {});
    return this.#done;
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, taken: Callback): void {
    this.#begin();
    this.#pieces.give(chunk, taken);
  }

  override _final(finished: Callback): void {
    // `finish` is told when the object is durable, so pipeline() waits for that.
    this.#begin().then((stored) => stored && finished());
    this.#pieces.end();
  }

  override _destroy(error: Error | null, closed: Callback): void {
    this.#stop.abort(error ?? undefined); // A no-op when the put has settled.
    if (this.#settled === null) {
      this.#settle.reject(new StoreError('ABORTED', undefined, { cause: error ?? undefined }));
      closed(error);
      return;
    }
    // `close` is told when every trace of the put is gone.
    this.#settled.then(() => closed(error));
  }

  #begin(): Promise<boolean> {
    this.#settled ??= this.#put(this.#pieces, this.#stop.signal).then(
      (object) => {
        this.#settle.resolve(object);
        return true;
      },
      (error) => {
        this.#settle.reject(error);
        this.destroy(error);
        return false;
      },
    );
    return this.#settled;
  }
}

/** One piece at a time from the writer to the put. */
class Handover implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  #offered: { readonly chunk: Uint8Array; readonly taken: Callback } | null = null;
  /** Of the piece that the put has in its hands: it may be the writer's memory until next(). */
  #held: Callback | null = null;
  #ended = false;
  #wake: (() => void) | null = null;

  /** Called again only when `taken` was. */
  give(chunk: Uint8Array, taken: Callback): void {
    this.#offered = { chunk, taken };
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const held = this.#held;
    this.#held = null;
    held?.();
    while (this.#offered === null) {
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const { chunk, taken } = this.#offered;
    this.#offered = null;
    this.#held = taken;
    return { done: false, value: chunk };
  }
}
