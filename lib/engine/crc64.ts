// CRC64/XZ (polynomial 0x42F0E1EBA9EA3693, reflected, all ones in and out): OSS's own
// x-oss-hash-crc64ecma. A table walk in two 32-bit halves; the native core has the fast one.
const low = new Uint32Array(256);
const high = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let remainder = BigInt(byte);
  for (let bit = 0; bit < 8; bit++)
    remainder = remainder & 1n ? (remainder >> 1n) ^ 0xc96c5795d7870f42n : remainder >> 1n;
  low[byte] = Number(remainder & 0xffffffffn);
  high[byte] = Number(remainder >> 32n);
}

/** Takes bytes in order; `value` is the checksum of all so far. */
export class Crc64 {
  #low = 0xffffffff;
  #high = 0xffffffff;

  update(bytes: Uint8Array): void {
    let lo = this.#low;
    let hi = this.#high;
    for (let i = 0; i < bytes.length; i++) {
      const entry = (lo ^ (bytes[i] as number)) & 0xff;
      lo = ((lo >>> 8) | (hi << 24)) ^ (low[entry] as number);
      hi = (hi >>> 8) ^ (high[entry] as number);
    }
    this.#low = lo;
    this.#high = hi;
  }

  /** An unsigned decimal string, as OSS writes it. */
  get value(): string {
    const lo = BigInt(~this.#low >>> 0);
    const hi = BigInt(~this.#high >>> 0);
    return ((hi << 32n) | lo).toString();
  }
}

export function crc64(bytes: Uint8Array): string {
  const crc = new Crc64();
  crc.update(bytes);
  return crc.value;
}
