// Pieces: bodies that come one by one. Each source is asked for its next bytes when they are
// wanted, and let go of when nobody wants them any more.
import type { Blob } from 'node:buffer';
import type { Readable } from 'node:stream';
import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web';
import { types } from 'node:util';
import { invalidArgument, StoreError } from '../errors.ts';

/** Bytes of the largest piece that is handed to the engine at once. */
export const pieceSizeMax: number = 1 << 20;

/** Characters of text that are encoded at once: 768 KiB of UTF-8 at most. */
export const textPieceMax: number = 256 * 1024;

/** A source of pieces. next() is called one at a time and never after cancel(). */
export interface Pieces {
  /** Bytes in all, if known before the first piece. */
  readonly size: number | undefined;
  /** The next bytes, which belong to the caller; null at the end. */
  next(): Promise<Uint8Array | null>;
  /** Lets go of the source, also while next() is pending. Never throws. */
  cancel(): void;
}

/** A long text, encoded as it is sent: all at once would hold the event loop. */
export class TextPieces implements Pieces {
  readonly size: undefined = undefined;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#at === this.#text.length) return null;
    let end = Math.min(this.#at + textPieceMax, this.#text.length);
    const last = this.#text.charCodeAt(end - 1);
    // A pair of surrogates is one character and stays together.
    if (last >= 0xd800 && last < 0xdc00 && end < this.#text.length) end++;
    const piece = utf8(this.#text.slice(this.#at, end));
    this.#at = end;
    return piece;
  }

  cancel(): void {}
}

/** By slices: a Blob's own stream() is slower, and a slice can be asked for when it is wanted. */
export class BlobPieces implements Pieces {
  readonly size: number;
  readonly #blob: Blob;
  #at = 0;

  constructor(blob: Blob) {
    this.#blob = blob;
    this.size = blob.size;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#at >= this.size) return null;
    const slice = this.#blob.slice(this.#at, this.#at + pieceSizeMax);
    const piece = new Uint8Array(await slice.arrayBuffer());
    if (piece.length === 0) throw new Error(`the blob ends at byte ${this.#at} of ${this.size}`);
    this.#at += piece.length;
    return piece;
  }

  cancel(): void {}
}

export class WebPieces implements Pieces {
  readonly size: undefined = undefined;
  readonly #reader: ReadableStreamDefaultReader<unknown>;

  constructor(stream: ReadableStream<unknown>) {
    if (stream.locked) throw new TypeError('put: the stream is locked: something else reads it');
    this.#reader = stream.getReader();
  }

  async next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#reader.read();
    return done ? null : pieceOf(value);
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}

export class IteratorPieces implements Pieces {
  readonly size: undefined = undefined;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;

  constructor(iterable: Iterable<unknown> | AsyncIterable<unknown>) {
    this.#iterator =
      Symbol.asyncIterator in iterable
        ? iterable[Symbol.asyncIterator]()
        : iterable[Symbol.iterator]();
  }

  async next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#iterator.next();
    return done ? null : pieceOf(await value);
  }

  cancel(): void {
    // An async generator answers return() only when its pending next() has, so nobody waits for it.
    try {
      Promise.resolve(this.#iterator.return?.()).catch(() => {});
    } catch {
      // A source that fails while it is let go has nothing more to tell.
    }
  }
}

export class ReadablePieces extends IteratorPieces {
  readonly #stream: Readable;

  constructor(stream: Readable) {
    if (stream.readableEnded) throw new StoreError('IncompleteBody', 'the stream was read already');
    super(stream);
    this.#stream = stream;
    // Errors are taken from the iterator; one that comes before the first next(), or after
    // cancel(), would otherwise be an uncaught exception.
    stream.on('error', () => {});
  }

  override cancel(): void {
    this.#stream.destroy();
  }
}

/** A piece without bytes in it. Told apart from TypeErrors that a source itself throws. */
export class PieceTypeError extends TypeError {}

/** Whatever a stream or iterable yields, as bytes. */
function pieceOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return utf8(value);
  const piece = viewOf(value);
  if (piece === null)
    throw new PieceTypeError(`put: the body must yield bytes, not ${describe(value)}`);
  return types.isSharedArrayBuffer(piece.buffer) ? new Uint8Array(piece) : piece;
}

function viewOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return types.isAnyArrayBuffer(value) ? new Uint8Array(value) : null;
}

export function utf8(text: string): Buffer {
  // Encoding would quietly put U+FFFD in place of a lone surrogate.
  if (!text.isWellFormed())
    throw invalidArgument('put: the text of the body holds a lone surrogate');
  return Buffer.from(text);
}

/** What a caller gave instead of bytes, in words. */
export function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `${typeof value}`;
  if (typeof (value as { then?: unknown }).then === 'function') return 'a promise: await it first';
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return name === 'Object' || name === undefined
    ? 'a plain object: use JSON.stringify'
    : `an object of type ${String(name)}`;
}
