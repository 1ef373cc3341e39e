// The bytes of one blob, chunk by chunk, from whichever zones still have them. A chunk counts when
// its tag fits: what a disk says otherwise is believed in nothing.
import { demand } from './bytes.ts';
import type { BlobReference } from './record.ts';
import { type ChunkKey, chunkSize, deriveChunkKey, type SealHeader } from './seals.ts';
import type { ZoneFolder } from './zone-folder.ts';

/** A run of a body's bytes; null: they are lost. */
export interface Piece {
  readonly offset: number;
  readonly size: number;
  readonly bytes: Buffer | null;
}

/** The zones of a store in its order; null: not given, or nobody knows which it is. */
export type ZonesInOrder = readonly (ZoneFolder | null)[];

export function sizeOfChunk(size: number, index: number): number {
  return Math.min(chunkSize, size - index * chunkSize);
}

export function pieceOf(size: number, index: number, bytes: Buffer | null): Piece {
  return { offset: index * chunkSize, size: sizeOfChunk(size, index), bytes };
}

/** What `attempt` gives, or null when it throws. */
export function tried<T>(attempt: () => T): T | null {
  try {
    return attempt();
  } catch {
    return null;
  }
}

export function openerOf(blob: BlobReference, dek: Buffer, header: SealHeader): ChunkKey {
  demand(header.blobId.equals(blob.id), 'seal header: of another blob');
  demand(header.chunkSize === chunkSize, 'seal header: chunk size');
  return deriveChunkKey(dek, header);
}
