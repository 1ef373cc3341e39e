// Objects whose bytes follow from their number, so that another process can check them after the
// one that put them was killed.
import { createHash } from 'node:crypto';

export const pouredBytes = 4096;
const prefix = 'poured/';

export function pouredKey(n: number): string {
  const mixed = Math.imul(n, 2654435761) >>> 0;
  return `${prefix}${mixed.toString(16).padStart(8, '0')}`;
}

/** Bytes that no other number has. */
export function pouredBody(n: number): Uint8Array {
  return createHash('shake256', { outputLength: pouredBytes }).update(pouredKey(n)).digest();
}
