// Readers of the packed results: one buffer from the addon, decoded when asked for. The layouts
// stand in native/binding/convert.h.
import type { BlobInfo, Committed, Page, Row } from './storage-engine.ts';

const rowHead = 96;
const pageHead = 32;
const entrySize = 56;
const idDigits = 32;

export class PackedRow implements Row {
  readonly #packed: Buffer;
  constructor(packed: Buffer) {
    this.#packed = packed;
  }
  get revision(): number {
    return this.#packed.readDoubleLE(0);
  }
  get modified(): number {
    return this.#packed.readDoubleLE(8);
  }
  get body(): Uint8Array {
    return this.#packed.subarray(rowHead, rowHead + this.#packed.readUInt32LE(40));
  }
  get blob(): BlobInfo | null {
    return this.#packed.readUInt32LE(32) === 0 ? null : new PackedBlob(this.#packed, 16, 64);
  }
  get offset(): number {
    return this.#packed.readDoubleLE(48);
  }
  get length(): number {
    return this.#packed.readDoubleLE(56);
  }
  /** The bytes of a small blob. */
  get bytes(): Uint8Array {
    const packed = this.#packed;
    const start = packed.readUInt32LE(44);
    return new Uint8Array(packed.buffer, packed.byteOffset + start, packed.length - start);
  }
}

class PackedBlob implements BlobInfo {
  readonly #packed: Buffer;
  readonly #at: number;
  readonly #idAt: number;
  constructor(packed: Buffer, at: number, idAt: number) {
    this.#packed = packed;
    this.#at = at;
    this.#idAt = idAt;
  }
  get id(): string {
    return this.#packed.toString('latin1', this.#idAt, this.#idAt + idDigits);
  }
  get size(): number {
    return this.#packed.readDoubleLE(this.#at);
  }
  get crc64(): string {
    return this.#packed.readBigUInt64LE(this.#at + 8).toString();
  }
}

export class PackedCommit implements Committed {
  readonly #packed: Buffer;
  constructor(packed: Buffer) {
    this.#packed = packed;
  }
  get revision(): number {
    return this.#packed.readDoubleLE(0);
  }
  get blobs(): readonly BlobInfo[] {
    const packed = this.#packed;
    const count = packed.readUInt32LE(8);
    const out: BlobInfo[] = [];
    for (let i = 0; i < count; i++) {
      const at = 16 + i * 48;
      out.push(new PackedBlob(packed, at, at + 16));
    }
    return out;
  }
}

export class PackedPage implements Page {
  readonly count: number;
  readonly #packed: Buffer;
  readonly #bodiesAt: number;
  readonly #textAt: number;
  /** The whole text, when it is ASCII: entries are then slices of it. */
  readonly #ascii: string | null;
  #ids: string | null = null;

  constructor(packed: Buffer) {
    this.#packed = packed;
    this.count = packed.readUInt32LE(0);
    this.#textAt = packed.readUInt32LE(8);
    this.#bodiesAt = packed.readUInt32LE(16);
    const ascii = (packed.readUInt32LE(4) & 2) !== 0;
    const textSize = packed.readUInt32LE(12);
    this.#ascii = ascii ? packed.toString('latin1', this.#textAt, this.#textAt + textSize) : null;
  }
  get resume(): Uint8Array | null {
    const packed = this.#packed;
    if ((packed.readUInt32LE(4) & 1) === 0) return null;
    const at = packed.readUInt32LE(20);
    return packed.subarray(at, at + packed.readUInt32LE(24));
  }
  #entry(i: number): number {
    return pageHead + i * entrySize;
  }
  isPrefix(i: number): boolean {
    return (this.#packed.readUInt32LE(this.#entry(i) + 48) & 1) !== 0;
  }
  text(i: number): string {
    const entry = this.#entry(i);
    const start = this.#packed.readUInt32LE(entry + 32);
    const end = start + this.#packed.readUInt32LE(entry + 36);
    if (this.#ascii !== null) return this.#ascii.slice(start, end);
    return this.#packed.toString('utf8', this.#textAt + start, this.#textAt + end);
  }
  revision(i: number): number {
    return this.#packed.readDoubleLE(this.#entry(i));
  }
  modified(i: number): number {
    return this.#packed.readDoubleLE(this.#entry(i) + 8);
  }
  size(i: number): number {
    return this.#packed.readDoubleLE(this.#entry(i) + 16);
  }
  crc64(i: number): string {
    return this.#packed.readBigUInt64LE(this.#entry(i) + 24).toString();
  }
  blobId(i: number): string | null {
    if ((this.#packed.readUInt32LE(this.#entry(i) + 48) & 2) === 0) return null;
    const at = pageHead + this.count * entrySize;
    this.#ids ??= this.#packed.toString('latin1', at, at + this.count * idDigits);
    return this.#ids.slice(i * idDigits, (i + 1) * idDigits);
  }
  body(i: number): Uint8Array {
    const entry = this.#entry(i);
    const start = this.#bodiesAt + this.#packed.readUInt32LE(entry + 40);
    return this.#packed.subarray(start, start + this.#packed.readUInt32LE(entry + 44));
  }
}
