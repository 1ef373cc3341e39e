// Digests over a body: their names, their sizes, and the order in which an engine puts them.
// native/hash/digests.h is the other side.
import { StoreError } from '../errors.ts';

/** In the order of their values and of their bits: the first is bit 0. */
export const digestNames = ['md5', 'sha1', 'sha256', 'crc32', 'crc32c', 'crc64'] as const;
export type DigestName = (typeof digestNames)[number];
/** CRCs are big-endian. */
export type Digests = ReadonlyMap<DigestName, Uint8Array>;

export const digestSizes: Readonly<Record<DigestName, number>> = {
  md5: 16,
  sha1: 20,
  sha256: 32,
  crc32: 4,
  crc32c: 4,
  crc64: 8,
};

export function digestBits(names: readonly DigestName[]): number {
  return names.reduce((bits, name) => bits | (1 << digestNames.indexOf(name)), 0);
}

/** The values that lie one behind the other in `packed`. */
export function unpackDigests(names: readonly DigestName[], packed: Uint8Array): Digests {
  const digests = new Map<DigestName, Uint8Array>();
  let at = 0;
  for (const name of digestNames) {
    if (!names.includes(name)) continue;
    digests.set(name, Uint8Array.from(packed.subarray(at, at + digestSizes[name])));
    at += digestSizes[name];
  }
  if (at !== packed.length) throw new StoreError('InternalError', 'digests of a wrong size');
  return digests;
}
