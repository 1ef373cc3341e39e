// A small blob: a frame in the log, the same bytes at the same place in every zone.
import { frameHeadSize, readFrameHead } from './log.ts';
import { openerOf, type Piece, pieceOf, sizeOfChunk, tried, type ZonesInOrder } from './piece.ts';
import { readAt } from './reading.ts';
import type { BlobReference } from './record.ts';
import { type ChunkKey, chunkCount, chunkSize, openChunk, tagSize } from './seals.ts';
import type { ZoneFolder } from './zone-folder.ts';

const crcSize = 8;
const cellSize = chunkSize + tagSize;

export async function* smallBlob(
  zones: ZonesInOrder,
  blob: BlobReference,
  dek: Buffer,
): AsyncGenerator<Piece> {
  const frames: Frame[] = [];
  const rest = zones.values();
  const frameOfNext = async (): Promise<Frame | null> => {
    for (const zone of rest) {
      const frame = zone === null ? null : await frameIn(zone, blob, dek);
      if (frame !== null) return frame;
    }
    return null;
  };
  for (let index = 0; index < chunkCount(blob.size); index++) {
    let bytes: Buffer | null = null;
    for (let i = 0; bytes === null; i++) {
      const frame = frames[i] ?? (await frameOfNext());
      if (frame === null) break;
      frames[i] = frame;
      bytes = chunkOf(frame, blob.size, index);
    }
    yield pieceOf(blob.size, index, bytes);
  }
}

interface Frame {
  readonly opener: ChunkKey;
  readonly bytes: Buffer;
}

async function frameIn(zone: ZoneFolder, blob: BlobReference, dek: Buffer): Promise<Frame | null> {
  const location = blob.location as bigint;
  const path = zone.segmentPath(Number(location >> 32n));
  const size = frameHeadSize + blob.size + chunkCount(blob.size) * (tagSize + crcSize);
  try {
    const bytes = await readAt(path, Number(location & 0xffffffffn), size);
    const { header } = readFrameHead(bytes);
    return { opener: openerOf(blob, dek, header), bytes };
  } catch {
    return null; // Another zone has it, or nobody has.
  }
}

function chunkOf({ opener, bytes }: Frame, size: number, index: number): Buffer | null {
  const at = frameHeadSize + index * (cellSize + crcSize);
  const sealed = bytes.subarray(at, at + sizeOfChunk(size, index) + tagSize);
  return tried(() => openChunk(opener, index, index + 1 === chunkCount(size), sealed));
}
