// Is the newest batch whole, in any zone: does every cell in front of its record check?
import { demand } from './bytes.ts';
import { cellChecksum, frameHeadSize, readFrameHead } from './log.ts';
import { chunkCount, chunkSize, tagSize } from './seals.ts';
import type { StoreKeys } from './superblock.ts';
import { type FoundRecord, readAgain } from './zone-folder.ts';

export async function areCellsWhole(tip: FoundRecord, keys: StoreKeys): Promise<boolean> {
  for (const place of tip.places) {
    try {
      checkFrames((await readAgain(place, keys)).batch.frames);
      return true;
    } catch {
      // Another zone may hold it whole.
    }
  }
  return false;
}

/** Throws STORE_CORRUPT at the first cell that does not check. */
export function checkFrames(frames: Buffer): void {
  for (let at = 0; at < frames.length; ) at += checkFrame(frames.subarray(at));
}

/** @returns the frame's size */
function checkFrame(bytes: Buffer): number {
  const { header, size } = readFrameHead(bytes);
  let at = frameHeadSize;
  for (let index = 0; index < chunkCount(size); index++) {
    const length = Math.min(chunkSize, size - index * chunkSize) + tagSize;
    demand(at + length + 8 <= bytes.length, 'frame: cut short');
    const crc = cellChecksum(header, 0, index, bytes.subarray(at, at + length));
    demand(crc === bytes.readBigUInt64LE(at + length), 'frame: cell');
    at += length + 8;
  }
  return at;
}
