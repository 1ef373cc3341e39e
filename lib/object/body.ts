// A caller's body, in one of two forms: bytes that stand in memory, or pieces that come one by one.
// Everything that can be seen without reading is refused here, before any I/O.
import { Blob } from 'node:buffer';
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { types } from 'node:util';
import { StoreError } from '../errors.ts';
import {
  BlobPieces,
  describe,
  IteratorPieces,
  type Pieces,
  pieceSizeMax,
  ReadablePieces,
  TextPieces,
  textPieceMax,
  utf8,
  WebPieces,
} from './pieces.ts';
import type { Body } from './types.ts';

export type OpenedBody = {
  /** Content type the body itself names, or ''. */
  readonly type: string;
} & (
  | { readonly bytes: WholeBytes; readonly pieces: null }
  | { readonly bytes: null; readonly pieces: Pieces }
);

/** TypeError for what has no bytes in it; IncompleteBody for what has been read or taken away. */
export function openBody(body: Body): OpenedBody {
  if (body instanceof Uint8Array) return whole(body.buffer, body.byteOffset, body.byteLength);
  if (typeof body === 'string') return openText(body);
  if (body === null) return { type: '', bytes: WholeBytes.empty, pieces: null };
  if (typeof body === 'object') {
    if (ArrayBuffer.isView(body)) return whole(body.buffer, body.byteOffset, body.byteLength);
    if (types.isAnyArrayBuffer(body)) return whole(body, 0, body.byteLength);
    if (isBlob(body)) return { type: body.type, bytes: null, pieces: new BlobPieces(body) };
    if (isResponse(body)) return openResponse(body);
    const pieces = openPieces(body);
    if (pieces !== null) return { type: '', bytes: null, pieces };
  }
  throw new TypeError(
    'put: a body must be text, bytes, a Blob, a Response, a stream, an iterable of bytes or ' +
      `null, not ${describe(body)}`,
  );
}

/** Piece by piece, whichever form it has. */
export function piecesOf(body: OpenedBody): Pieces {
  return body.bytes === null ? body.pieces : new WholePieces(body.bytes);
}

function openPieces(body: object): Pieces | null {
  if (isWebStream(body)) return new WebPieces(body);
  if (isReadable(body)) return new ReadablePieces(body);
  if (Symbol.asyncIterator in body) return new IteratorPieces(body as AsyncIterable<unknown>);
  if (Symbol.iterator in body) return new IteratorPieces(body as Iterable<unknown>);
  return null;
}

function openResponse(response: Response): OpenedBody {
  if (response.bodyUsed) throw new StoreError('IncompleteBody', 'the response was read already');
  const type = response.headers.get('content-type') ?? '';
  if (response.body === null) return { type, bytes: WholeBytes.empty, pieces: null };
  return { type, bytes: null, pieces: new WebPieces(response.body as ReadableStream) };
}

function whole(buffer: ArrayBufferLike, offset: number, size: number): OpenedBody {
  return { type: '', bytes: new WholeBytes(buffer, offset, size, true), pieces: null };
}

function openText(text: string): OpenedBody {
  if (text.length > textPieceMax) return { type: '', bytes: null, pieces: new TextPieces(text) };
  const { buffer, byteOffset, byteLength } = utf8(text);
  return { type: '', bytes: new WholeBytes(buffer, byteOffset, byteLength, false), pieces: null };
}

/**
 * Bytes in memory. Borrowed ones are the caller's, who may change, transfer or resize them any
 * time.
 */
export class WholeBytes {
  static readonly empty: WholeBytes = new WholeBytes(new ArrayBuffer(0), 0, 0, false);
  readonly size: number;
  readonly #buffer: ArrayBufferLike;
  readonly #offset: number;
  readonly #borrowed: boolean;

  constructor(buffer: ArrayBufferLike, offset: number, size: number, borrowed: boolean) {
    this.#buffer = buffer;
    this.#offset = offset;
    this.size = size;
    this.#borrowed = borrowed;
  }

  /** All bytes, in memory that nobody else has. */
  own(): Uint8Array {
    const view = this.#view(0, this.size);
    return this.#borrowed ? new Uint8Array(view) : view;
  }

  /**
   * The bytes from `at`, one piece at most; of shared memory a copy, since it may change meanwhile.
   */
  slice(at: number): Uint8Array {
    const view = this.#view(at, Math.min(pieceSizeMax, this.size - at));
    return types.isSharedArrayBuffer(this.#buffer) ? new Uint8Array(view) : view;
  }

  /** A buffer that was transferred away says it is empty; only making a view tells. */
  #view(at: number, size: number): Uint8Array {
    try {
      return new Uint8Array(this.#buffer, this.#offset + at, size);
    } catch (cause) {
      const message = 'the buffer of the body was transferred away or shrank';
      throw new StoreError('IncompleteBody', message, { cause });
    }
  }
}

/** Bytes in memory as pieces. */
export class WholePieces implements Pieces {
  readonly size: number;
  readonly #bytes: WholeBytes;
  #at = 0;

  constructor(bytes: WholeBytes) {
    this.#bytes = bytes;
    this.size = bytes.size;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#at === this.size) return null;
    const piece = this.#bytes.slice(this.#at);
    this.#at += piece.length;
    return piece;
  }

  cancel(): void {}
}

// By shape where another realm or a polyfill may have made the object.
function isBlob(body: object): body is Blob {
  if (body instanceof Blob) return true;
  const { size, arrayBuffer, slice } = body as Blob;
  return (
    typeof size === 'number' && typeof arrayBuffer === 'function' && typeof slice === 'function'
  );
}

function isResponse(body: object): body is Response {
  return body instanceof Response || ('bodyUsed' in body && 'headers' in body && 'ok' in body);
}

function isWebStream(body: object): body is ReadableStream {
  return typeof (body as ReadableStream).getReader === 'function';
}

function isReadable(body: object): body is Readable {
  const { pipe, on, destroy } = body as Readable;
  return (
    typeof pipe === 'function' &&
    typeof on === 'function' &&
    typeof destroy === 'function' &&
    Symbol.asyncIterator in body
  );
}
