// The row of a checkpoint, which the engine alone writes:
//
//   row key = 'C' sequence(8, big-endian)             of the commit that wrote the row
//   body    = token(16) chain-hash(32)                of the record before that commit's
import { StoreError } from '../errors.ts';

const family = 'C'.charCodeAt(0);
const tokenSize = 16;
const hashSize = 32;
/** As in native/engine/checkpoints.h: the newest stay. */
export const checkpointsKept = 1000;

export interface CheckpointRow {
  readonly sequence: number;
  /** Random, in hexadecimal: the proof that the caller saw this store at that moment. */
  readonly token: string;
  readonly chainHash: string;
}

export function checkpointKey(sequence: number): Uint8Array {
  const key = Buffer.alloc(9, family);
  key.writeBigUInt64BE(BigInt(sequence), 1);
  return key;
}

export function isCheckpointKey(key: Uint8Array): boolean {
  return key[0] === family;
}

/** All of them: from the first to before the second. */
export const checkpointRange: readonly [start: Uint8Array, end: Uint8Array] = [
  Uint8Array.of(family),
  Uint8Array.of(family + 1),
];

export function encodeCheckpointBody({ token, chainHash }: CheckpointRow): Uint8Array {
  return Buffer.from(token + chainHash, 'hex');
}

export function decodeCheckpointBody(sequence: number, bytes: Uint8Array): CheckpointRow {
  const hex = Buffer.from(bytes).toString('hex');
  if (bytes.length !== tokenSize + hashSize)
    throw new StoreError('STORE_CORRUPT', 'the row of a checkpoint cannot be read');
  return { sequence, token: hex.slice(0, 2 * tokenSize), chainHash: hex.slice(2 * tokenSize) };
}
