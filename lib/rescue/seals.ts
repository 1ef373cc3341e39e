// The seals of docs/format/seal-header.md and record.md, opened with node:crypto alone.
//
//   XAES-256-GCM (C2SP) = nonce 24 ‖ ciphertext ‖ tag 16
//   sealed chunk        = ciphertext ‖ tag 16, under a key derived from DEK and seal header
//
// Plaintext leaves here only after its tag was checked.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  timingSafeEqual,
} from 'node:crypto';
import { Cursor, damaged, demand, field, u32 } from './bytes.ts';

export const tagSize = 16;
/** Of the plaintext in a chunk, as the product writes it. */
export const chunkSize = 65_536;

export function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function gcmOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Buffer): Buffer {
  demand(sealed.length >= tagSize, 'a seal is cut short');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagSize });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-tagSize));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagSize)), decipher.final()]);
  } catch {
    throw damaged('a seal does not open');
  }
}

function aesBlock(key: Uint8Array, bytes: Buffer): Buffer {
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(bytes);
}

/** Throws STORE_CORRUPT when it does not open under this key and AAD. */
export function xaesOpen(key: Uint8Array, aad: Uint8Array, sealed: Buffer): Buffer {
  demand(sealed.length >= 24 + tagSize, 'a seal is cut short');
  const subkey = aesBlock(key, Buffer.alloc(16));
  const carry = (subkey[0] as number) >> 7;
  for (let i = 0; i < 16; i++)
    subkey[i] = (((subkey[i] as number) << 1) | ((subkey[i + 1] ?? 0) >> 7)) & 0xff;
  subkey[15] = (subkey[15] as number) ^ (carry * 0x87);
  const half = (counter: number): Buffer => {
    const message = Buffer.concat([Buffer.of(0, counter, 0x58, 0), sealed.subarray(0, 12)]);
    for (let i = 0; i < 16; i++) message[i] = (message[i] as number) ^ (subkey[i] as number);
    return aesBlock(key, message);
  };
  const messageKey = Buffer.concat([half(1), half(2)]);
  return gcmOpen(messageKey, sealed.subarray(12, 24), aad, sealed.subarray(24));
}

// ── Chunks

export interface SealHeader {
  readonly bytes: Buffer;
  readonly chunkSize: number;
  readonly storeId: Buffer;
  readonly blobId: Buffer;
  readonly salt: Buffer;
  readonly commitment: Buffer;
}
export const sealHeaderSize = 96;

export function readSealHeader(bytes: Buffer): SealHeader {
  const c = new Cursor(bytes);
  demand(c.u32() === 1, 'seal header: suite');
  const [chunk, storeId, blobId] = [c.u32(), c.raw(16), c.raw(16)];
  const [salt, commitment] = [c.raw(24), c.raw(32)];
  c.end();
  return { bytes, chunkSize: chunk, storeId, blobId, salt, commitment };
}

/** What opens the chunks of one blob. */
export interface ChunkKey {
  readonly key: Buffer;
  readonly aad: Buffer;
}

/** Throws when the header is not the one that the DEK was made for. */
export function deriveChunkKey(dek: Uint8Array, header: SealHeader): ChunkKey {
  const info = Buffer.concat([
    Buffer.from('strongroom.chunk'),
    Buffer.of(1, 0),
    header.salt,
    field(header.storeId),
    field(header.blobId),
    u32(header.chunkSize),
  ]);
  // HKDF-Expand of one SHA-512 block.
  const derived = createHmac('sha512', dek).update(info).update(Buffer.of(1)).digest();
  demand(timingSafeEqual(derived.subarray(32), header.commitment), 'seal header: commitment');
  return { key: derived.subarray(0, 32), aad: sha256(header.bytes) };
}

/** `index` from 0; the last chunk of a blob carries a flag, so that none can be cut off. */
export function openChunk(opener: ChunkKey, index: number, last: boolean, sealed: Buffer): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce[11] = last ? 1 : 0;
  return gcmOpen(opener.key, nonce, opener.aad, sealed);
}

/** How many chunks a body of that size has: an empty one has one. */
export function chunkCount(size: number): number {
  return Math.max(1, Math.ceil(size / chunkSize));
}
