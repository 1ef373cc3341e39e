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

/** A linear map of 64 bits: where each bit goes, in two halves. */
interface BitMap {
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
}

/** What `n` zero bytes do to a remainder, for the sizes met last: parts are mostly equal. */
const zeroBytes = new Map<number, BitMap>();
const zeroBytesMax = 16;

/**
 * The checksum of two texts joined, from theirs and the size of the second: exact, at a cost that
 * grows with the logarithm of the size. Both are decimal strings, as is the result.
 */
export function combineCrc64(first: string, second: string, secondSize: number): string {
  if (secondSize === 0) return first;
  const value = BigInt(first);
  const [lo, hi] = image(mapOfZeros(secondSize), Number(value & 0xffffffffn), Number(value >> 32n));
  return (((BigInt(hi) << 32n) | BigInt(lo)) ^ BigInt(second)).toString();
}

function mapOfZeros(size: number): BitMap {
  const known = zeroBytes.get(size);
  if (known !== undefined) return known;
  let power = zeroBit();
  for (let doubled = 0; doubled < 3; doubled++) power = product(power, power);
  let map: BitMap | null = null;
  for (let left = size; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) map = map === null ? power : product(power, map);
    power = product(power, power);
  }
  const oldest = zeroBytes.size >= zeroBytesMax ? zeroBytes.keys().next().value : undefined;
  if (oldest !== undefined) zeroBytes.delete(oldest);
  zeroBytes.set(size, map as BitMap);
  return map as BitMap;
}

/** One zero bit: a shift, and the polynomial where a one falls out. */
function zeroBit(): BitMap {
  const map = { lo: new Uint32Array(64), hi: new Uint32Array(64) };
  map.lo[0] = 0xd7870f42;
  map.hi[0] = 0xc96c5795;
  for (let bit = 1; bit < 64; bit++) {
    if (bit <= 32) map.lo[bit] = 2 ** (bit - 1);
    else map.hi[bit] = 2 ** (bit - 33);
  }
  return map;
}

function image({ lo, hi }: BitMap, low: number, high: number): [low: number, high: number] {
  let [outLow, outHigh] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const set = bit < 32 ? (low >>> bit) & 1 : (high >>> (bit - 32)) & 1;
    if (set === 0) continue;
    outLow ^= lo[bit] as number;
    outHigh ^= hi[bit] as number;
  }
  return [outLow >>> 0, outHigh >>> 0];
}

/** First `b`, then `a`. */
function product(a: BitMap, b: BitMap): BitMap {
  const map = { lo: new Uint32Array(64), hi: new Uint32Array(64) };
  for (let bit = 0; bit < 64; bit++)
    [map.lo[bit], map.hi[bit]] = image(a, b.lo[bit] as number, b.hi[bit] as number);
  return map;
}

export function crc64(bytes: Uint8Array): string {
  const crc = new Crc64();
  crc.update(bytes);
  return crc.value;
}
