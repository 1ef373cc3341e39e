// BodySource: the bytes of one open read, front to back. It outlives nothing: it ends with the last
// byte, an error, the caller's signal, close(), or the garbage collection of its ObjectBody.
import type { Interruptible, StoreContext } from '../context/store-context.ts';
import type { BlobReader } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { aborted } from '../options.ts';
import type { ProgressMeter } from './progress.ts';

export class BodySource implements Interruptible {
  readonly #context: StoreContext;
  readonly #reader: BlobReader;
  readonly #meter: ProgressMeter | null;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.interrupt(aborted(this.#signal as AbortSignal));
  #left: number;
  #closed = false;
  #stopped: Error | null = null;

  constructor(
    context: StoreContext,
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
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    context.interruptible.add(this);
  }

  get moved(): number {
    return -this.#left;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** A read() that is a call of its own: between two of them the store may be closed. */
  async step(): Promise<Uint8Array | null> {
    if (this.#stopped !== null) throw this.#stopped;
    this.#context.enter(); // STORE_CLOSED
    try {
      return await this.read();
    } finally {
      this.#context.leave();
    }
  }

  /** The next bytes; null at the end. One call at a time. */
  async read(): Promise<Uint8Array | null> {
    if (this.#stopped !== null) throw this.#stopped;
    if (this.#closed) return null;
    try {
      const bytes = await this.#reader.read();
      if (this.#stopped !== null) throw this.#stopped;
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
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#context.interruptible.delete(this);
    this.#reader.close();
  }

  interrupt(error: Error): void {
    if (this.#closed) return;
    this.#stopped = error;
    this.close();
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
