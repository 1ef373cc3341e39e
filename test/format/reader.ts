// What the tests of the format read a store with: the rescue reader (lib/rescue), which shares no
// code with the core, and what only the tests want to see. Every function throws on what does not
// check.

import { Cursor, demand } from '../../lib/rescue/bytes.ts';
import { readPreamble } from '../../lib/rescue/large-blob.ts';
import {
  type Batch,
  cellChecksum,
  frameHeadSize,
  openRecord as openRecordOf,
  readBatch as readBatchAt,
  readFrameHead,
} from '../../lib/rescue/log.ts';
import { type BucketKey, openBucketKey as openKeyOf } from '../../lib/rescue/rescued-object.ts';
import {
  chunkCount,
  chunkSize,
  deriveChunkKey,
  openChunk,
  type SealHeader,
  tagSize,
} from '../../lib/rescue/seals.ts';
import { block, type StoreKeys } from '../../lib/rescue/superblock.ts';
import { loadXxh64, xxh64 } from '../../lib/rescue/xxh64.ts';

export { readPreamble } from '../../lib/rescue/large-blob.ts';
export type { Batch } from '../../lib/rescue/log.ts';
export {
  type BlobReference,
  type Commit,
  type Counted,
  type Epoch,
  readRecord,
  readRow,
} from '../../lib/rescue/record.ts';
export { type BucketKey, openDek } from '../../lib/rescue/rescued-object.ts';
export { sha256 } from '../../lib/rescue/seals.ts';
export { block, openKeys, readSlot, type StoreKeys } from '../../lib/rescue/superblock.ts';
export { xxh64 } from '../../lib/rescue/xxh64.ts';

await loadXxh64();

export interface Segment {
  readonly number: number;
  readonly id: Buffer;
  readonly epoch: bigint;
  readonly epochSegment: number;
}

export function readSegmentHeader(bytes: Buffer): Segment {
  const c = new Cursor(bytes);
  demand(c.raw(8).equals(Buffer.from('SRSEGMNT')), 'segment: magic');
  const version = c.u32();
  const [number, id, epoch, epochSegment] = [c.u32(), c.raw(16), c.u64(), c.u32()];
  c.raw(4);
  demand(xxh64(bytes.subarray(0, 48)) === c.u64(), 'segment: checksum');
  demand(version === 1, 'segment: version');
  return { number, id, epoch, epochSegment };
}

/** Null where the log ends. */
export function readBatch(segment: Segment, file: Buffer, offset: number): Batch | null {
  if (!file.subarray(offset, offset + 8).equals(Buffer.from('SRBATCH1'))) return null;
  const batch = readBatchAt(file, offset, offset);
  demand(batch.segmentId.equals(segment.id), 'batch: of another segment');
  demand(file.readUInt32LE(offset + 60) === 0, 'batch: zero');
  return batch;
}

export function openRecord(keys: StoreKeys, segment: Segment, batch: Batch): Buffer {
  demand(batch.segmentId.equals(segment.id), 'batch: of another segment');
  return openRecordOf(keys, batch);
}

export interface Frame {
  header: SealHeader;
  chunks: Buffer[];
  size: number;
  frameSize: number;
}

/** The blob frame at the beginning of `bytes`, with every cell's checksum verified. */
export function readFrame(bytes: Buffer): Frame {
  const { header, size } = readFrameHead(bytes);
  demand(bytes.readUInt32LE(100) === 0, 'frame: zero');
  const chunks: Buffer[] = [];
  let at = frameHeadSize;
  for (let start = 0; start < size || start === 0; start += chunkSize) {
    const cell = bytes.subarray(at, at + Math.min(chunkSize, size - start) + tagSize);
    at += cell.length + 8;
    const crc = cellChecksum(header, 0, chunks.length, cell);
    demand(crc === bytes.readBigUInt64LE(at - 8), 'frame: cell');
    chunks.push(cell);
  }
  return { header, chunks, size, frameSize: at };
}

/** Opens sealed chunks under their positions; the last one carries the flag. */
export function openChunks(dek: Buffer, header: SealHeader, chunks: readonly Buffer[]): Buffer {
  const opener = deriveChunkKey(dek, header);
  return Buffer.concat(
    chunks.map((chunk, i) => openChunk(opener, i, i + 1 === chunks.length, chunk)),
  );
}

/** The bucket's id and opened key, from the body of its row (docs/format/rows.md). */
export function openBucketKey(keys: StoreKeys, body: Buffer): BucketKey {
  const c = new Cursor(body);
  demand(c.u8() === 1, 'bucket row: version');
  c.u8();
  const id = c.raw(8);
  c.u64();
  c.raw(c.u8());
  const wrapped = c.raw(c.u16());
  // The events that it keeps, where it keeps any.
  demand([0, 4].includes(c.rest().length), 'bucket row: bytes are left over');
  return openKeyOf(keys, id, wrapped);
}

export interface ObjectEvent {
  id: string;
  type: number;
  key: string;
  blobId: Buffer;
  size: number;
}

/** From an event row's key and its body (docs/format/rows.md). */
export function readEvent(rowKey: Buffer, body: Buffer): ObjectEvent {
  demand(rowKey.length === 21 && rowKey[0] === 0x65, 'event row: key');
  demand(body.length >= 30 && body[0] === 1, 'event row: version and size');
  const named = new Cursor(body.subarray(-28));
  const event = {
    id: rowKey.subarray(1).toString('hex'),
    type: body.readUInt8(1),
    key: body.toString('utf8', 2, body.length - 28),
    blobId: named.raw(16),
    size: Number(named.u64()),
  };
  demand(named.u32() === rowKey.readUInt32BE(17), 'event row: place');
  return event;
}

/**
 * The cells of one zone's blob file, by their number in the stripe and by stripe, each with its
 * checksum verified. Zone `zone` of `zones` holds one run of each stripe's cells.
 */
export function readCells(
  file: Buffer,
  size: number,
  zone: number,
  zones: number,
): Map<number, Buffer>[] {
  const { k, m, header, placement } = readPreamble(file);
  demand((k + m) % zones === 0, 'this reader knows runs of equal length');
  const run = (k + m) / zones;
  const rotation = header.blobId.readUInt32LE() % zones;
  const first = ((zone - rotation + zones) % zones) * run;
  const chunks = chunkCount(size);
  const stripes = Math.ceil(chunks / k);
  let at = block;
  return Array.from({ length: stripes }, (_, stripe) => {
    const cells = new Map<number, Buffer>();
    const data = Math.min(k, chunks - stripe * k);
    const length = Math.min(chunkSize, size - stripe * k * chunkSize) + tagSize;
    for (let cell = first; cell < first + run; cell++) {
      if (cell >= data && cell < k) continue; // Zeros by definition, in no file.
      const bytes = file.subarray(at, at + length);
      at += length + 8;
      const crc = cellChecksum(header, placement, stripe * (k + m) + cell, bytes);
      demand(crc === file.readBigUInt64LE(at - 8), `cell ${cell} of stripe ${stripe}`);
      cells.set(cell, bytes);
    }
    return cells;
  });
}
