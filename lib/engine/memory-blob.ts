// The blobs of a MemoryEngine: pieces of at most 1 MiB, a checksum, and which key they stand under.
import { randomBytes } from 'node:crypto';
import { Crc64 } from '../crc64.ts';
import { StoreError } from '../errors.ts';
import type { DigestName } from './digests.ts';
import { MemoryDigests } from './memory-digests.ts';
import type { MemoryParts } from './memory-parts.ts';
import type { BlobInfo, BlobReader, BlobWriter, WrittenBlob } from './storage-engine.ts';

const pieceSizeMax = 1 << 20;

/** What readers and writers ask of their engine. */
export interface Closable {
  readonly closed: boolean;
}

/** A key is known by its wrapped form. */
export class MemoryKey {
  readonly context: string;
  constructor(context: string) {
    this.context = context;
  }
}

export interface MemoryBlob {
  readonly info: BlobInfo;
  readonly key: MemoryKey | MemoryParts;
  /** The list of parts that the row names instead of bytes. */
  readonly parts?: MemoryParts;
  /** How many rows name the same bytes; shared by their blobs. Absent when they are small. */
  readonly named?: { rows: number };
  /** In order, none empty, at most 1 MiB each. */
  readonly pieces: readonly Uint8Array[];
  readonly small: boolean;
}

export class MemoryWriter implements BlobWriter {
  readonly #engine: Closable;
  readonly #key: MemoryKey | MemoryParts;
  readonly #crc = new Crc64();
  readonly #digests: MemoryDigests;
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  #info: BlobInfo | null = null;
  #gone = false;

  constructor(engine: Closable, key: MemoryKey | MemoryParts, digests: readonly DigestName[]) {
    this.#engine = engine;
    this.#key = key;
    this.#digests = new MemoryDigests(digests);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#refuseWhenOver();
    for (let at = 0; at < bytes.length; at += pieceSizeMax)
      this.#pieces.push(Uint8Array.from(bytes.subarray(at, at + pieceSizeMax)));
    this.#size += bytes.length;
    this.#crc.update(bytes);
    this.#digests.update(bytes);
  }

  async finish(): Promise<WrittenBlob> {
    this.#refuseWhenOver();
    this.#info = { id: newBlobId(), size: this.#size, crc64: this.#crc.value };
    return { ...this.#info, digests: this.#digests.values };
  }

  async dispose(): Promise<void> {
    this.#gone = true;
    this.#pieces.length = 0;
  }

  /** For the commit that names this blob: hands it over, once. */
  take(): MemoryBlob {
    if (this.#info === null || this.#gone)
      throw new StoreError('InternalError', 'a commit names a blob that is not finished');
    this.#gone = true;
    const pieces = [...this.#pieces];
    return { info: this.#info, key: this.#key, pieces, small: false, named: { rows: 0 } };
  }

  #refuseWhenOver(): void {
    if (this.#engine.closed) throw new StoreError('STORE_CLOSED');
    if (this.#gone || this.#info !== null)
      throw new StoreError('InternalError', 'a blob writer was used after its end');
  }
}

export class MemoryReader implements BlobReader {
  readonly #engine: Closable;
  readonly #blob: MemoryBlob;
  #offset: number;
  #left: number;

  constructor(engine: Closable, blob: MemoryBlob, offset: number, length: number) {
    this.#engine = engine;
    this.#blob = blob;
    this.#offset = offset;
    this.#left = length;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#engine.closed) throw new StoreError('STORE_CLOSED');
    const length = Math.min(this.#left, pieceSizeMax);
    if (length === 0) return null;
    const bytes = part(this.#blob.pieces, this.#offset, length);
    this.#offset += length;
    this.#left -= length;
    return bytes;
  }

  close(): void {
    this.#left = 0;
  }
}

/** A copy of `length` bytes from `offset` of the pieces joined. */
export function part(pieces: readonly Uint8Array[], offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let begin = 0;
  for (const piece of pieces) {
    const from = Math.max(offset - begin, 0);
    const to = Math.min(offset + length - begin, piece.length);
    if (from < to) bytes.set(piece.subarray(from, to), begin + from - offset);
    begin += piece.length;
  }
  return bytes;
}

export function newBlobId(): string {
  return randomBytes(16).toString('hex').toUpperCase();
}
