// Lists of parts in a MemoryEngine, and how many rows name each blob and list.
import { randomBytes } from 'node:crypto';
import type { MemoryBlob, MemoryKey } from './memory-blob.ts';
import type { BlobSource } from './storage-engine.ts';

/** A list of parts, and the key of its parts: in memory the two are one. */
export class MemoryParts {
  readonly id: Buffer = randomBytes(16);
  /** Row keys of its parts begin with this: 'P' and the id, as latin1. */
  readonly prefix: string = `P${this.id.toString('latin1')}`;
  /** Rows that name it. */
  rows = 0;
  /** Gets that hold it open: its part rows stay until the last of them ends. */
  readers = 0;
}

export class MemorySource implements BlobSource {
  readonly blob: MemoryBlob;
  /** What opened it. */
  readonly key: MemoryKey;
  constructor(blob: MemoryBlob, key: MemoryKey) {
    this.blob = blob;
    this.key = key;
  }
  /** Memory needs no pins: whoever holds the blob keeps its bytes. */
  close(): void {}
}

/** 'P', the id, and a position of 8 bytes. */
export function isPartKey(key: string): boolean {
  return key.length === 1 + 16 + 8 && key[0] === 'P';
}
