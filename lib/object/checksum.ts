// Checksums that a caller asks for: verified against what the caller knows, and kept in the row.
//
//   kept = ( kind(1) length(1) value )*        kinds ascend; docs/format/rows.md
//   kind = 01 MD5   02 SHA-1   03 SHA-256   04 CRC-32   05 CRC-32C        (CRCs big-endian)
import { type DigestName, type Digests, digestNames, digestSizes } from '../engine/digests.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkOptions } from '../options.ts';
import { damagedRow } from './pairs.ts';
import type { ChecksumName, Checksums } from './types.ts';

/** What to compute over a body, and what must come out. */
export interface ChecksumPlan {
  readonly names: readonly DigestName[];
  readonly expected: Digests;
}

const known: ReadonlySet<string> = new Set(digestNames);
/** CRC64 stands in every row already. */
const kept = ['md5', 'sha1', 'sha256', 'crc32', 'crc32c'] as const;

/** Null when nothing is to be done. TypeError, InvalidArgument. */
export function planChecksums(
  call: string,
  given: Partial<Record<ChecksumName, string | Uint8Array | true | undefined>>,
): ChecksumPlan | null {
  checkOptions(`${call}: checksum`, given, known);
  const names: DigestName[] = [];
  const expected = new Map<DigestName, Uint8Array>();
  for (const name of digestNames) {
    const value = given[name];
    if (value === undefined || (value === true && name === 'crc64')) continue;
    names.push(name);
    if (value !== true) expected.set(name, digestOf(`${call}: checksum.${name}`, name, value));
  }
  return names.length === 0 ? null : { names, expected };
}

/**
 * Bytes, hex or base64; no text is both, since base64 of these sizes ends with `=` or is too long
 * to be hex. CRC64 is decimal, as OSS writes it, which hex could be mistaken for.
 */
function digestOf(what: string, name: DigestName, value: string | Uint8Array): Uint8Array {
  const size = digestSizes[name];
  if (value instanceof Uint8Array) {
    if (value.length !== size) throw invalidArgument(`${what} must have ${size} bytes`);
    return Uint8Array.from(value);
  }
  if (typeof value !== 'string')
    throw new TypeError(`${what} must be a string, a Uint8Array or true`);
  const base64 = Buffer.from(value, 'base64');
  if (base64.length === size && base64.toString('base64') === value) return base64;
  if (name === 'crc64') return decimalCrc64(what, value);
  if (value.length === 2 * size && /^[0-9a-fA-F]*$/.test(value)) return Buffer.from(value, 'hex');
  throw invalidArgument(`${what} must be ${2 * size} hex digits or base64 of ${size} bytes`);
}

function decimalCrc64(what: string, value: string): Uint8Array {
  const number = /^\d{1,20}$/.test(value) ? BigInt(value) : -1n;
  if (number < 0n || number >= 1n << 64n)
    throw invalidArgument(`${what} must be an unsigned decimal of 64 bits, or base64 of 8 bytes`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(number);
  return bytes;
}

/** InvalidDigest, InvalidCRC64. */
export function verifyChecksums({ expected }: ChecksumPlan, digests: Digests): void {
  for (const [name, value] of expected)
    if (Buffer.compare(value, digests.get(name) ?? Buffer.alloc(0)) !== 0)
      throw new StoreError(
        name === 'crc64' ? 'InvalidCRC64' : 'InvalidDigest',
        `the ${name} of the body is not the one that was given`,
      );
}

/** The field of the row; empty when nothing is kept. */
export function encodeChecksums(digests: Digests): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [i, name] of kept.entries()) {
    const value = digests.get(name);
    if (value !== undefined) parts.push(Uint8Array.of(i + 1, value.length), value);
  }
  return Buffer.concat(parts);
}

/** In lower-case hex. Steps over kinds that this version does not know; STORE_CORRUPT. */
export function decodeChecksums(bytes: Buffer): Omit<Checksums, 'crc64'> {
  const checksums: { -readonly [K in keyof Checksums]?: string } = {};
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + (bytes[at + 1] ?? bytes.length);
    if (end > bytes.length) throw damagedRow();
    const name = kept[(bytes[at] as number) - 1];
    if (name !== undefined) checksums[name] = bytes.toString('hex', at + 2, end);
    at = end;
  }
  return checksums;
}
