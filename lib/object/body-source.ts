// BodySource: the bytes of one open read, front to back. It outlives nothing: it ends with the last
// byte, an error, the caller's signal, close(), or the garbage collection of its ObjectBody. Only
// the last byte makes it end well: whoever reads on after any of the others gets an error, since an
// end without one would make a part of a body pass for the whole.
import type { Interruptible, StoreContext } from '../context/store-context.ts';
import type { BlobReader } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { aborted, hear, unhear } from '../options.ts';
import type { ProgressMeter } from './progress.ts';

export class BodySource implements Interruptible {
  /** Null: the bytes stand in memory, so nobody's store or signal can take them back. */
  readonly #context: StoreContext | null;
  readonly #reader: BlobReader;
  readonly #meter: ProgressMeter | null;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.interrupt(aborted(this.#signal as AbortSignal));
  #left: number;
  #closed = false;
  #stopped: Error | null = null;

  constructor(
    context: StoreContext | null,
    reader: BlobReader,
    length: number,
    meter: ProgressMeter | null,
    signal: AbortSignal | undefined,
  ) {
    this.#context = context;
    this.#reader = reader;
    this.#left = length;
    this.#meter = meter;
    this.#signal = signal;
    hear(signal, this.#onAbort);
    context?.interruptible.add(this);
  }

  get moved(): number {
    return -this.#left;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The last byte was read. */
  get ended(): boolean {
    return this.#closed && this.#left === 0;
  }

  /** Runs `reading` as one call, for which close() of the store waits. STORE_CLOSED. */
  async inside<T>(reading: () => Promise<T>): Promise<T> {
    if (this.#stopped !== null) throw this.#stopped;
    this.#context?.enter();
    try {
      return await reading();
    } finally {
      this.#context?.leave();
    }
  }

  /** A read() that is a call of its own: between two of them the store may be closed. */
  async step(): Promise<Uint8Array | null> {
    // What has ended well needs no store to say so.
    return this.ended ? null : this.inside(() => this.read());
  }

  /** The next bytes; null at the end. One call at a time. */
  async read(): Promise<Uint8Array | null> {
    if (this.ended) return null;
    this.#goOn();
    try {
      const bytes = await this.#reader.read();
      this.#goOn();
      this.#count(bytes);
      return bytes;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Idempotent; releases the blob. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    unhear(this.#signal, this.#onAbort);
    this.#context?.interruptible.delete(this);
    this.#reader.close();
  }

  interrupt(error: Error): void {
    if (this.#closed) return;
    this.#stopped = error;
    this.close();
  }

  #goOn(): void {
    if (this.#stopped !== null) throw this.#stopped;
    if (this.#closed) throw disposed();
  }

  #count(bytes: Uint8Array | null): void {
    if (bytes !== null) {
      this.#left -= bytes.length;
      this.#meter?.add(bytes.length);
    }
    // The engine verifies every byte; that they are all here is checked once more where they leave.
    if (this.#left < 0 || (bytes === null && this.#left > 0))
      throw new StoreError('STORE_CORRUPT', 'the object has another length than its row says');
    if (this.#left === 0) {
      this.#meter?.end();
      this.close();
    }
  }
}

export function disposed(): StoreError {
  return new StoreError('ABORTED', 'the body was disposed before it was read to its end');
}

/** Small bodies come whole; this lets them be streamed like the others. */
export class WholeReader implements BlobReader {
  #bytes: Uint8Array | null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  async read(): Promise<Uint8Array | null> {
    const bytes = this.#bytes;
    this.#bytes = null;
    return bytes;
  }

  close(): void {
    this.#bytes = null;
  }
}
