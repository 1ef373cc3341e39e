// One zone's directory, only ever read: its superblock and the records in its log. Whatever cannot
// be read is a finding, never the end.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../errors.ts';
import type { Link } from './history.ts';
import { type Batch, batchSizeMax, openRecord, readBatch } from './log.ts';
import { readAt } from './reading.ts';
import { type Commit, type Epoch, readRecord } from './record.ts';
import { sha256 } from './seals.ts';
import { block, readSlot, type StoreKeys, type Superblock } from './superblock.ts';

export interface Finding {
  /** The zone's directory; empty for what is of no single one. */
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
const readyLog = 'log.ready';
const batchMagic = Buffer.from('SRBATCH1');
const findingsMax = 20;

export class ZoneFolder {
  readonly path: string;
  readonly #findings: Finding[];
  readonly #paths = new Map<number, string>();

  constructor(path: string, findings: Finding[]) {
    this.path = path;
    this.#findings = findings;
  }

  find(what: string): void {
    this.#findings.push({ zone: this.path, what });
  }

  /**
   * The slots that are sound, with the higher counter first; what they say is not proved yet.
   * `onLater` hears STORE_VERSION of each of a later format.
   */
  async superblocks(onLater: (error: StoreError) => void): Promise<Superblock[]> {
    const slots: Superblock[] = [];
    try {
      const bytes = await readAt(join(this.path, 'superblock'), 0, 2 * block);
      for (let at = 0; at + block <= bytes.length; at += block) {
        try {
          slots.push(readSlot(bytes.subarray(at, at + block)));
        } catch (error) {
          if (StoreError.is(error, 'STORE_VERSION')) onLater(error);
          // One that was never written is no finding.
          if (bytes.subarray(at, at + block).some((byte) => byte !== 0))
            this.#explain('slot', error);
        }
      }
    } catch (error) {
      this.#explain('superblock', error);
    }
    return slots.sort((a, b) => (a.counter < b.counter ? 1 : -1));
  }

  async segments(): Promise<number[]> {
    // A backup that a crash cut short in its last step: those take the place of the others.
    for (const folder of ['log', readyLog]) {
      try {
        for (const name of await readdir(join(this.path, folder))) this.#place(name, folder);
      } catch (error) {
        const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (folder === 'log' || !absent) this.#explain(folder, error);
      }
    }
    return [...this.#paths.keys()].sort((a, b) => a - b);
  }

  segmentPath(segment: number): string {
    const name = `${segment.toString(16).padStart(8, '0')}.seg`;
    return this.#paths.get(segment) ?? join(this.path, 'log', name);
  }

  #place(name: string, folder: string): void {
    if (segmentName.test(name))
      this.#paths.set(Number.parseInt(name, 16), join(this.path, folder, name));
  }

  /** Every sound record of a segment that opens, wherever it stands in it. */
  async records(segment: number, keys: StoreKeys): Promise<FoundSegment> {
    const name = `segment ${segment}`;
    let isWhole = true;
    const unreadable = (blocks: number): void => {
      isWhole = false;
      this.find(`${name}: ${blocks} blocks cannot be read`);
    };
    const records: FoundRecord[] = [];
    try {
      const file = await readAt(this.segmentPath(segment), 0, segmentSizeMax, unreadable);
      const scan = new Scan(file, (what) => this.find(`${name}, ${what}`));
      for (const [batch, record] of scan.records(keys))
        records.push(linkOf(record, batch, this, segment));
    } catch (error) {
      isWhole &&= StoreError.is(error); // What is no file never was a segment.
      this.#explain(name, error);
    }
    return { records, isWhole };
  }

  #explain(what: string, error: unknown): void {
    this.find(`${what}: ${(error as Error).message}`);
  }
}

export interface FoundSegment {
  readonly records: readonly FoundRecord[];
  /** Every block of it could be read. */
  readonly isWhole: boolean;
}

/**
 * Looks for records at every block of a segment's bytes. Nothing that a header says leads past a
 * block that is not proved, and the bytes that headers claim are hashed a bounded number of times.
 */
class Scan {
  readonly #file: Buffer;
  readonly #find: (what: string) => void;
  #found = 0;
  #budget: number;

  constructor(file: Buffer, find: (what: string) => void) {
    this.#file = file;
    this.#find = find;
    this.#budget = 4 * file.length + batchSizeMax;
  }

  *records(keys: StoreKeys): Generator<[Batch, Commit | Epoch]> {
    const file = this.#file;
    for (let at = block; at + block <= file.length; at += block) {
      if (!file.subarray(at, at + 8).equals(batchMagic)) continue;
      this.#budget -= Math.min(file.readUInt32LE(at + 36), batchSizeMax); // Of its record.
      if (this.#budget < 0) return this.#tell(at, 'too many claims of records: the rest is left');
      try {
        const batch = readBatch(file, at, at);
        yield [batch, readRecord(openRecord(keys, batch))];
      } catch (error) {
        this.#tell(at, (error as Error).message);
      }
    }
  }

  #tell(at: number, what: string): void {
    if (this.#found++ < findingsMax) this.#find(`offset ${at}: ${what}`);
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
    origin: {
      hash: record.extent.chainBefore.toString('hex'),
      sequence: record.extent.sequenceBefore,
    },
    places: [{ zone, segment, offset: batch.offset, size: batch.size }],
  };
}

/** The batch and its record, read again from one of its places; `isWhole`: every block of it. */
export async function readAgain(
  place: Place,
  keys: StoreKeys,
): Promise<{ batch: Batch; record: Commit | Epoch; isWhole: boolean }> {
  let isWhole = true;
  const unreadable = (): void => {
    isWhole = false;
  };
  const path = place.zone.segmentPath(place.segment);
  const bytes = await readAt(path, place.offset, place.size, unreadable);
  const batch = readBatch(bytes, 0, place.offset);
  return { batch, record: readRecord(openRecord(keys, batch)), isWhole };
}
