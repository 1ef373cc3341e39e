// Bodies: random bytes, other ones for each put, without a copy in the measured path.
//
//   body n = pool[offset(n), offset(n) + size)    offset(n) = n * 4093 mod 2^23
//
// 4093 is odd, so the first 8,388,608 bodies all begin at different places of the pool.
import { randomFillSync } from 'node:crypto';

const offsets = 2 ** 23;
const stride = 4093;

export class Bodies {
  readonly size: number;
  readonly #pool: Buffer;

  constructor(size: number) {
    this.size = size;
    this.#pool = Buffer.allocUnsafeSlow(offsets + size);
    // The kernel gives at most 2^31 - 1 bytes at once, and no pool is as large.
    randomFillSync(this.#pool);
  }

  body(n: number): Uint8Array {
    const offset = (n * stride) % offsets;
    return this.#pool.subarray(offset, offset + this.size);
  }

  /** Throws unless `bytes` are body n. */
  check(n: number, bytes: Uint8Array | undefined, what: string): void {
    if (bytes === undefined) throw new Error(`${what} is not there`);
    if (Buffer.compare(this.body(n), bytes) !== 0) throw new Error(`${what} has other bytes`);
  }
}

/** Numbers below `count` in a random order. */
export function shuffled(count: number): Uint32Array {
  const numbers = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [numbers[i], numbers[j]] = [numbers[j] as number, numbers[i] as number];
  }
  return numbers;
}
