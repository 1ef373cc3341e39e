// Segments, batches and blob frames (docs/format/log.md). A batch is sound or it is not there:
// whether it should be is for the chain to say (history.ts).

import { Crc64 } from '../crc64.ts';
import { Cursor, demand, u16, u32, u64 } from './bytes.ts';
import { readSealHeader, type SealHeader, sealHeaderSize, xaesOpen } from './seals.ts';
import { block, type StoreKeys } from './superblock.ts';
import { xxh64 } from './xxh64.ts';

export interface Batch {
  readonly segmentId: Buffer;
  readonly offset: number;
  readonly size: number;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly generation: number;
  readonly frames: Buffer;
  readonly sealed: Buffer;
}
const batchHeaderSize = 80;
export const batchSizeMax: number = 16 << 20;

/**
 * The batch at `at` of the bytes, which stands at `offset` of a segment. It names the segment
 * itself: the segment's header may be what rots, and the record's seal proves the name.
 */
export function readBatch(file: Buffer, at: number, offset: number): Batch {
  const bytes = file.subarray(at);
  const c = new Cursor(bytes);
  demand(c.raw(8).equals(Buffer.from('SRBATCH1')), 'batch: magic');
  const segmentId = c.raw(16);
  demand(c.u32() === offset, 'batch: of another place');
  const [size, recordOffset, recordSize] = [c.u32(), c.u32(), c.u32()];
  const [epoch, sequence, generation] = [c.u64(), c.u64(), c.u32()];
  c.raw(4);
  const checksum = c.u64();
  demand(xxh64(bytes.subarray(0, 72)) === c.u64(), 'batch: checksum');
  demand(recordOffset >= batchHeaderSize && size % block === 0, 'batch: size');
  demand(size <= batchSizeMax, 'batch: size');
  demand(recordOffset + recordSize <= size, 'batch: size');
  const sealed = bytes.subarray(recordOffset, recordOffset + recordSize);
  demand(sealed.length === recordSize && xxh64(sealed) === checksum, 'record: checksum');
  const frames = bytes.subarray(batchHeaderSize, recordOffset);
  return { segmentId, offset, size, epoch, sequence, generation, frames, sealed };
}

export function openRecord(keys: StoreKeys, batch: Batch): Buffer {
  const place = [u32(batch.offset), u64(batch.epoch), u64(batch.sequence)];
  return xaesOpen(
    keys.record,
    Buffer.concat([keys.storeId, batch.segmentId, ...place]),
    batch.sealed,
  );
}

/** A cell's checksum knows its place: a misdirected write does not pass for a forged one. */
export function cellChecksum(
  header: SealHeader,
  placement: number,
  cell: number,
  bytes: Buffer,
): bigint {
  const crc = new Crc64();
  crc.update(Buffer.concat([header.blobId, u16(placement), u64(BigInt(cell))]));
  crc.update(bytes);
  return BigInt(crc.value);
}

export interface FrameHead {
  readonly header: SealHeader;
  /** Of the plaintext. */
  readonly size: number;
}
/** Its cells follow: sealed chunk ‖ CRC64, for each chunk. */
export const frameHeadSize: number = sealHeaderSize + 16;

export function readFrameHead(bytes: Buffer): FrameHead {
  demand(bytes.length >= frameHeadSize, 'frame: cut short');
  const header = readSealHeader(bytes.subarray(0, sealHeaderSize));
  const size = bytes.readUInt32LE(sealHeaderSize);
  demand(xxh64(bytes.subarray(0, 104)) === bytes.readBigUInt64LE(104), 'frame: checksum');
  return { header, size };
}
