// The digests of the in-memory model: Node's own, and a table for CRC-32C, which Node has not.
import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Crc64 } from '../crc64.ts';
import { type DigestName, type Digests, digestNames } from './digests.ts';

interface Running {
  update(bytes: Uint8Array): void;
  value(): Uint8Array;
}

/** Several digests over one body. */
export class MemoryDigests {
  readonly #running: readonly (readonly [DigestName, Running])[];

  constructor(names: readonly DigestName[]) {
    const asked = digestNames.filter((name) => names.includes(name));
    this.#running = asked.map((name) => [name, begin(name)]);
  }

  update(bytes: Uint8Array): void {
    for (const [, running] of this.#running) running.update(bytes);
  }

  get values(): Digests {
    return new Map(this.#running.map(([name, running]) => [name, running.value()]));
  }
}

function begin(name: DigestName): Running {
  if (name === 'crc32') return new RunningCrc32((bytes, crc) => crc32(bytes, crc));
  if (name === 'crc32c') return new RunningCrc32(crc32c);
  return name === 'crc64' ? new RunningCrc64() : new RunningHash(createHash(name));
}

class RunningHash implements Running {
  readonly #hash: Hash;
  constructor(hash: Hash) {
    this.#hash = hash;
  }
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }
  value(): Uint8Array {
    return Uint8Array.from(this.#hash.digest());
  }
}

class RunningCrc32 implements Running {
  readonly #extend: (bytes: Uint8Array, crc: number) => number;
  #crc = 0;
  constructor(extend: (bytes: Uint8Array, crc: number) => number) {
    this.#extend = extend;
  }
  update(bytes: Uint8Array): void {
    this.#crc = this.#extend(bytes, this.#crc);
  }
  value(): Uint8Array {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(this.#crc);
    return out;
  }
}

class RunningCrc64 implements Running {
  readonly #crc = new Crc64();
  update(bytes: Uint8Array): void {
    this.#crc.update(bytes);
  }
  value(): Uint8Array {
    const out = Buffer.alloc(8);
    out.writeBigUInt64BE(BigInt(this.#crc.value));
    return out;
  }
}

/** table[b] is the register after byte b, from an empty register. */
const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  return value;
});

function crc32c(bytes: Uint8Array, crc: number): number {
  let register = ~crc;
  for (const byte of bytes)
    register = (register >>> 8) ^ (table[(register ^ byte) & 0xff] as number);
  return ~register >>> 0;
}
