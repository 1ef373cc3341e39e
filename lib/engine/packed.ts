// Readers of the packed results: one buffer from the addon, decoded when asked for. The layouts
// stand in native/binding/convert.h.
import type { BlobInfo, Committed, Page, Row } from './storage-engine.ts';

const rowHead = 104;
const pageHead = 32;
const commitHead = 16;
const commitBlobSize = 48;
const entrySize = 64;
const idDigits = 32;

export class PackedRow implements Row {
  #packed: Buffer;
  constructor(packed: Buffer) {
    this.#packed = packed;
  }
  get revision(): number {
    return this.#packed.readDoubleLE(0);
  }
  get version(): number {
    return this.#packed.readDoubleLE(96);
  }
  get modified(): number {
    return this.#packed.readDoubleLE(8);
  }
  get body(): Uint8Array {
    return this.#packed.subarray(rowHead, rowHead + this.#packed.readUInt32LE(40));
  }
  /** As in native/format/row.h. */
  get kind(): number {
    return this.#packed.readUInt32LE(32);
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
  /**
   * The bytes of a small blob, once. They leave with the buffer that they came in, which its new
   * owner may overwrite or transfer; so the row, some hundred bytes, moves out of it.
   */
  takeBytes(): Uint8Array {
    const packed = this.#packed;
    const start = packed.readUInt32LE(44);
    this.#packed = Buffer.from(packed.subarray(0, start));
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
  /** The blob of a commit of one, and where the commit ends. */
  get only(): readonly [BlobInfo, end: number] {
    const end = commitHead + commitBlobSize;
    return [new PackedBlob(this.#packed, commitHead, commitHead + 16), end];
  }
  get blobs(): readonly BlobInfo[] {
    const packed = this.#packed;
    const count = packed.readUInt32LE(8);
    const out: BlobInfo[] = [];
    for (let i = 0; i < count; i++) {
      const at = commitHead + i * commitBlobSize;
      out.push(new PackedBlob(packed, at, at + 16));
    }
    return out;
  }
}

// Typed arrays: they read a number three times as fast as a Buffer's methods do.
const wordsPerEntry = entrySize / 4;
const doublesPerEntry = entrySize / 8;
const headWords = pageHead / 4;
const headDoubles = pageHead / 8;

export class PackedPage implements Page {
  readonly count: number;
  readonly #packed: Buffer;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #bodiesAt: number;
  readonly #textAt: number;
  /** The ids and, when it is ASCII, the text behind them: entries are slices of one string. */
  readonly #strings: string;
  /** Where the text begins in `#strings`; -1: it is not there. */
  readonly #textFrom: number;

  constructor(given: Buffer) {
    // Views of numbers begin at multiples of their size. The addon's memory does.
    const packed = given.byteOffset % 8 === 0 ? given : Buffer.from(new Uint8Array(given).buffer);
    this.#packed = packed;
    this.count = packed.readUInt32LE(0);
    const entriesEnd = pageHead + this.count * entrySize;
    this.#words = new Uint32Array(packed.buffer, packed.byteOffset, entriesEnd / 4);
    this.#doubles = new Float64Array(packed.buffer, packed.byteOffset, entriesEnd / 8);
    this.#textAt = packed.readUInt32LE(8);
    this.#bodiesAt = packed.readUInt32LE(16);
    const ascii = (packed.readUInt32LE(4) & 2) !== 0;
    const end = ascii ? this.#textAt + packed.readUInt32LE(12) : this.#textAt;
    this.#strings = packed.toString('latin1', entriesEnd, end);
    this.#textFrom = ascii ? this.#textAt - entriesEnd : -1;
  }
  get resume(): Uint8Array | null {
    const packed = this.#packed;
    if ((packed.readUInt32LE(4) & 1) === 0) return null;
    const at = packed.readUInt32LE(20);
    return packed.subarray(at, at + packed.readUInt32LE(24));
  }
  #word(i: number, at: number): number {
    return this.#words[headWords + i * wordsPerEntry + at] as number;
  }
  #double(i: number, at: number): number {
    return this.#doubles[headDoubles + i * doublesPerEntry + at] as number;
  }
  isPrefix(i: number): boolean {
    return (this.#word(i, 12) & 1) !== 0;
  }
  text(i: number): string {
    const start = this.#word(i, 8);
    const end = start + this.#word(i, 9);
    const from = this.#textFrom;
    if (from >= 0) return this.#strings.slice(from + start, from + end);
    return this.#packed.toString('utf8', this.#textAt + start, this.#textAt + end);
  }
  revision(i: number): number {
    return this.#double(i, 0);
  }
  version(i: number): number {
    return this.#double(i, 7);
  }
  modified(i: number): number {
    return this.#double(i, 1);
  }
  size(i: number): number {
    return this.#double(i, 2);
  }
  crc64(i: number): string {
    return this.#packed.readBigUInt64LE(pageHead + i * entrySize + 24).toString();
  }
  blobId(i: number): string | null {
    if ((this.#word(i, 12) & 2) === 0) return null;
    return this.#strings.slice(i * idDigits, (i + 1) * idDigits);
  }
  body(i: number): Uint8Array {
    const start = this.#bodiesAt + this.#word(i, 10);
    return this.#packed.subarray(start, start + this.#word(i, 11));
  }
}
