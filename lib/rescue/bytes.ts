// The pieces of a structure, taken in order. Whoever holds a disk can write any byte of it: what is
// missing, left over or not as it must be is STORE_CORRUPT, and never read past.
import { StoreError } from '../errors.ts';

export function damaged(what: string): StoreError {
  return new StoreError('STORE_CORRUPT', what);
}

export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw damaged(what);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** A u32 length and that many bytes. */
export function field(bytes: Uint8Array | string): Buffer {
  const raw = Buffer.from(bytes);
  return Buffer.concat([u32(raw.length), raw]);
}

export class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  raw(size: number): Buffer {
    demand(this.#at + size <= this.#bytes.length, 'cut short');
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }
  u8(): number {
    return this.raw(1).readUInt8();
  }
  u16(): number {
    return this.raw(2).readUInt16LE();
  }
  u32(): number {
    return this.raw(4).readUInt32LE();
  }
  u64(): bigint {
    return this.raw(8).readBigUInt64LE();
  }
  field(): Buffer {
    return this.raw(this.u32());
  }
  rest(): Buffer {
    return this.raw(this.#bytes.length - this.#at);
  }
  end(): void {
    demand(this.#at === this.#bytes.length, 'bytes are left over');
  }
}
