// The newest record counts only when every cell in front of it checks, in any zone: a crash may
// have torn its batch, and then nobody was told of it. The one before was synced before it began.
import { StoreError } from '../errors.ts';
import { demand } from './bytes.ts';
import { type History, historyTo, newestOf } from './history.ts';
import { cellChecksum, frameHeadSize, readFrameHead } from './log.ts';
import { chunkCount, chunkSize, tagSize } from './seals.ts';
import type { StoreKeys } from './superblock.ts';
import { type Finding, type FoundRecord, readAgain } from './zone-folder.ts';

/** STORE_CORRUPT when there is no record at all. */
export async function chooseHistory(
  found: readonly FoundRecord[],
  keys: StoreKeys,
  findings: Finding[],
): Promise<History<FoundRecord>> {
  const newest = newestOf(found);
  if (newest === undefined)
    throw new StoreError('STORE_CORRUPT', 'no zone holds a record that opens');
  const history = historyTo(newest, found);
  if (newest.isEpoch || !(await isTorn(newest, keys))) return history;
  const { first, last } = newest;
  const what =
    `the last batch, commits ${first} to ${last}, is not whole in any zone and is left out: ` +
    'torn by a crash, so that nobody was told of it, or rotten';
  findings.push({ zone: '', what });
  return { ...history, links: history.links.slice(0, -1) };
}

/** Of a zone where a block cannot be read, nobody knows. */
async function isTorn(newest: FoundRecord, keys: StoreKeys): Promise<boolean> {
  let isKnown = true;
  for (const place of newest.places) {
    try {
      const { batch, isWhole } = await readAgain(place, keys);
      isKnown &&= isWhole;
      checkFrames(batch.frames);
      return false;
    } catch (error) {
      isKnown &&= StoreError.is(error, 'STORE_CORRUPT');
    }
  }
  return isKnown;
}

/** Throws STORE_CORRUPT at the first cell that does not check. */
function checkFrames(frames: Buffer): void {
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
