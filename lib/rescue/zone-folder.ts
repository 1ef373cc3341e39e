// One zone's directory, only ever read: its superblock, the records in its log, its blob files.
// Whatever cannot be read is a finding, never the end.
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../errors.ts';
import type { Link } from './history.ts';
import { type Batch, openRecord, readBatch } from './log.ts';
import { type Commit, type Epoch, readRecord } from './record.ts';
import { sha256 } from './seals.ts';
import { block, type StoreKeys, type Superblock, soundSlots } from './superblock.ts';

export interface Finding {
  /** The zone's directory. */
  readonly zone: string;
  readonly what: string;
}

/** A record as one zone holds it. */
export interface Place {
  readonly zone: ZoneFolder;
  readonly segment: number;
  readonly offset: number;
  readonly size: number;
}
export interface FoundRecord extends Link {
  readonly places: Place[];
}

const segmentName = /^[0-9a-f]{8}\.seg$/;
/** No segment is larger: 64 MiB, and a batch. */
const segmentSizeMax = 96 << 20;
const batchMagic = Buffer.from('SRBATCH1');

export class ZoneFolder {
  readonly path: string;
  readonly #findings: Finding[];

  constructor(path: string, findings: Finding[]) {
    this.path = path;
    this.#findings = findings;
  }

  find(what: string): void {
    this.#findings.push({ zone: this.path, what });
  }

  /** The slots that are sound, the ruling one first; none where there is no superblock. */
  async superblocks(): Promise<Superblock[]> {
    try {
      const bytes = await readAt(join(this.path, 'superblock'), 0, 2 * block);
      const slots = soundSlots(bytes);
      if (slots.length === 0) this.find('superblock: no slot is sound');
      return slots;
    } catch (error) {
      if (StoreError.is(error)) throw error;
      this.find(`superblock: ${(error as Error).message}`);
      return [];
    }
  }

  async segments(): Promise<number[]> {
    try {
      const names = await readdir(join(this.path, 'log'));
      const numbers = names.filter((name) => segmentName.test(name)).sort();
      return numbers.map((name) => Number.parseInt(name, 16));
    } catch (error) {
      this.find(`log: ${(error as Error).message}`);
      return [];
    }
  }

  segmentPath(segment: number): string {
    return join(this.path, 'log', `${segment.toString(16).padStart(8, '0')}.seg`);
  }

  /** Every sound record of a segment that opens, wherever it stands in it. */
  async records(segment: number, keys: StoreKeys): Promise<FoundRecord[]> {
    let file: Buffer;
    try {
      file = await readAt(this.segmentPath(segment), 0, segmentSizeMax);
    } catch (error) {
      this.find(`segment ${segment}: ${(error as Error).message}`);
      return [];
    }
    const found: FoundRecord[] = [];
    for (let at = block; at + block <= file.length; ) {
      const batch = this.#batchAt(file, at, segment);
      const record = batch === null ? null : this.#open(keys, batch, segment);
      if (batch !== null && record !== null) found.push(linkOf(record, batch, this, segment));
      at += batch === null ? block : Math.max(batch.size, block);
    }
    return found;
  }

  #batchAt(file: Buffer, at: number, segment: number): Batch | null {
    if (!file.subarray(at, at + 8).equals(batchMagic)) return null;
    try {
      return readBatch(file, at, at);
    } catch (error) {
      this.find(`segment ${segment}, offset ${at}: ${(error as Error).message}`);
      return null;
    }
  }

  #open(keys: StoreKeys, batch: Batch, segment: number): Commit | Epoch | null {
    try {
      return readRecord(openRecord(keys, batch));
    } catch (error) {
      if (StoreError.is(error, 'STORE_VERSION')) throw error;
      this.find(`segment ${segment}, offset ${batch.offset}: ${(error as Error).message}`);
      return null;
    }
  }
}

function linkOf(
  record: Commit | Epoch,
  batch: Batch,
  zone: ZoneFolder,
  segment: number,
): FoundRecord {
  const isEpoch = record.kind === 2;
  const count = record.kind === 1 ? record.transactions.length : 0;
  return {
    hash: sha256(batch.sealed).toString('hex'),
    before: record.chainBefore.toString('hex'),
    isEpoch,
    epoch: record.epoch,
    first: record.sequence,
    last: record.sequence + BigInt(count) - 1n,
    places: [{ zone, segment, offset: batch.offset, size: batch.size }],
  };
}

/** The batch and its record, read again from one of its places. */
export async function readAgain(
  place: Place,
  keys: StoreKeys,
): Promise<{ batch: Batch; record: Commit | Epoch }> {
  const path = place.zone.segmentPath(place.segment);
  const batch = readBatch(await readAt(path, place.offset, place.size), 0, place.offset);
  return { batch, record: readRecord(openRecord(keys, batch)) };
}

/** What is there of `size` bytes. */
export async function readAt(path: string, offset: number, size: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return await readFrom(handle, offset, size);
  } finally {
    await handle.close();
  }
}

export async function readFrom(handle: FileHandle, offset: number, size: number): Promise<Buffer> {
  const { size: all } = await handle.stat();
  const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(size, all - offset)));
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
