// The root hint: what stands in clear in the superblock to find the root key again.
//
//   hint   = version(01) kind(1) rest
//   kind   = 00 the caller brings the 32 bytes; no rest
//            01 passphrase by scrypt: rest = logN(1) r(1) p(1) salt(32)
//
// Whoever holds a disk can change the hint, and it is read before any key is known. So parameters
// are bounded before use (no memory bomb, no hasty derivation); a changed salt only gives a wrong
// key.
import { randomBytes } from 'node:crypto';
import { StoreError } from '../errors.ts';

export interface ScryptHint {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
}

const hintVersion = 1;
const plainKind = 0;
const scryptKind = 1;
const saltSize = 32;
const scryptHintSize = 5 + saltSize;

/** 128 MiB and some tenths of a second: 2^17, 8, 1, as OWASP asks for. */
export function newScryptHint(): ScryptHint {
  return { logN: 17, r: 8, p: 1, salt: randomBytes(saltSize) };
}

export function encodeHint(scrypt: ScryptHint | null): Uint8Array {
  if (scrypt === null) return Uint8Array.of(hintVersion, plainKind);
  const { logN, r, p, salt } = scrypt;
  return Uint8Array.of(hintVersion, scryptKind, logN, r, p, ...salt);
}

/** Null: no passphrase. STORE_VERSION for a later version, STORE_CORRUPT for what cannot be. */
export function decodeHint(hint: Uint8Array): ScryptHint | null {
  const [version, kind, logN = 0, r = 0, p = 0] = hint;
  if (version !== hintVersion)
    throw new StoreError('STORE_VERSION', 'the root hint is of a later version');
  if (kind === plainKind && hint.length === 2) return null;
  const bounded = logN >= 14 && logN <= 20 && r >= 8 && r <= 16 && p >= 1 && p <= 4;
  if (kind !== scryptKind || hint.length !== scryptHintSize || !bounded)
    throw new StoreError('STORE_CORRUPT', 'the root hint of the store cannot be right');
  return { logN, r, p, salt: hint.slice(5) };
}
