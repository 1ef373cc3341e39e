// A large blob: cells of stripes in files of their own, spread over the zones
// (docs/format/blob-file.md). Of each stripe any k cells are enough.
import { type FileHandle, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Cursor, demand } from './bytes.ts';
import { rebuild } from './erasure.ts';
import { cellChecksum } from './log.ts';
import { openerOf, type Piece, pieceOf, sizeOfChunk, tried, type ZonesInOrder } from './piece.ts';
import { openFile, readAt, readFrom } from './reading.ts';
import type { BlobReference, Counted } from './record.ts';
import {
  type ChunkKey,
  chunkCount,
  chunkSize,
  openChunk,
  readSealHeader,
  type SealHeader,
  tagSize,
} from './seals.ts';
import { block } from './superblock.ts';
import { xxh64 } from './xxh64.ts';
import type { ZoneFolder } from './zone-folder.ts';

const crcSize = 8;
const cellSize = chunkSize + tagSize;

export interface Preamble {
  readonly placement: number;
  readonly k: number;
  readonly m: number;
  readonly epoch: bigint;
  readonly header: SealHeader;
}

export function readPreamble(bytes: Buffer): Preamble {
  const c = new Cursor(bytes);
  demand(c.raw(8).equals(Buffer.from('SRBLOB\0\x01', 'latin1')), 'preamble: magic');
  demand(c.u32() === 1, 'preamble: version');
  const [placement, k, m, epoch] = [c.u16(), c.u8(), c.u8(), c.u64()];
  const header = readSealHeader(c.raw(96));
  demand(xxh64(bytes.subarray(0, 120)) === c.u64(), 'preamble: checksum');
  demand(k >= 1 && k + m <= 32, 'preamble: geometry');
  return { placement, k, m, epoch, header };
}

/** One zone's file of a blob. */
interface CellFile {
  readonly handle: FileHandle;
  /** Of the store's zones, from 0. */
  readonly zone: number;
}

export async function* largeBlob(
  zones: ZonesInOrder,
  blob: BlobReference,
  counted: Counted | undefined,
  dek: Buffer,
): AsyncGenerator<Piece> {
  const handles: FileHandle[] = [];
  try {
    const opened = await openCells(zones, blob, counted, dek, handles);
    for (let index = 0; index < chunkCount(blob.size); index++)
      yield pieceOf(blob.size, index, opened === null ? null : await opened.chunk(index));
  } finally {
    for (const handle of handles) await handle.close();
  }
}

async function openCells(
  zones: ZonesInOrder,
  blob: BlobReference,
  counted: Counted | undefined,
  dek: Buffer,
  handles: FileHandle[],
): Promise<Cells | null> {
  const files: CellFile[] = [];
  let sound: { preamble: Preamble; opener: ChunkKey } | null = null;
  for (const [zone, folder] of zones.entries()) {
    const handle = folder === null ? null : await openBlobFile(folder, blob, counted);
    if (handle === null) continue;
    handles.push(handle);
    files.push({ handle, zone });
    const bytes = await readFrom(handle, 0, block).catch(() => Buffer.alloc(0));
    sound ??= tried(() => {
      const preamble = readPreamble(bytes);
      return { preamble, opener: openerOf(blob, dek, preamble.header) };
    });
  }
  if (sound === null) return null;
  const { preamble, opener } = sound;
  const { placement, k, m } = counted ?? preamble; // The row is sealed; the file is not.
  return new Cells(files, zones.length, { ...preamble, placement, k, m }, opener, blob.size);
}

async function openBlobFile(
  folder: ZoneFolder,
  blob: BlobReference,
  counted: Counted | undefined,
): Promise<FileHandle | null> {
  const id = blob.id.toString('hex');
  const below = join(folder.path, 'blob', id.slice(0, 2));
  // Without its counting row, which a hole in the log may have taken, any placement may be it.
  const names =
    counted === undefined
      ? (await readdir(below).catch(() => [])).filter((name) => name.startsWith(`${id}.`)).sort()
      : [`${id}.${counted.placement}`];
  const whole = names.filter((name) => !name.endsWith('.healing')).reverse();
  // A healing that died between its two renames leaves nothing but what it had proven.
  for (const name of [...whole, ...whole.map((each) => `${each}.healing`), ...names]) {
    const file = await openFile(join(below, name)).catch(() => null);
    if (file !== null) return file;
  }
  return null;
}

/** What is right in a stripe: data cells by their tags, parity cells by their checksums. */
interface Stripe {
  readonly number: number;
  readonly data: ReadonlyMap<number, Buffer>;
  readonly parity: ReadonlyMap<number, Buffer>;
}

/** The cells of one large blob, of all zones that have a file of it. */
class Cells {
  readonly #files: readonly CellFile[];
  readonly #zones: number;
  readonly #blob: Preamble;
  readonly #opener: ChunkKey;
  readonly #size: number;
  /** The one that was looked at last. */
  #stripe: Stripe | undefined;

  constructor(
    files: readonly CellFile[],
    zones: number,
    blob: Preamble,
    opener: ChunkKey,
    size: number,
  ) {
    this.#files = files;
    this.#zones = zones;
    this.#blob = blob;
    this.#opener = opener;
    this.#size = size;
  }

  /** Null when the cells that are left do not give it. */
  async chunk(index: number): Promise<Buffer | null> {
    const { k } = this.#blob;
    const [stripe, cell] = [Math.floor(index / k), index % k];
    const own = await this.#read(stripe, cell);
    const opened = own === null ? null : this.#open(index, own);
    return opened ?? (await this.#rebuilt(stripe, cell, index));
  }

  #open(index: number, cell: Buffer): Buffer | null {
    const sealed = cell.subarray(0, sizeOfChunk(this.#size, index) + tagSize);
    const last = index + 1 === chunkCount(this.#size);
    return tried(() => openChunk(this.#opener, index, last, sealed));
  }

  /** From k others: data cells that their tags prove, and parity cells; some may be forged. */
  async #rebuilt(stripe: number, wanted: number, index: number): Promise<Buffer | null> {
    const { k } = this.#blob;
    if (this.#stripe?.number !== stripe) this.#stripe = await this.#look(stripe);
    const { data, parity } = this.#stripe;
    for (const chosen of choices([...parity.keys()], k - data.size)) {
      const cells = new Map(data);
      for (const cell of chosen) cells.set(cell, parity.get(cell) as Buffer);
      const opened = this.#open(index, rebuild(k, cells, wanted));
      if (opened !== null) return opened;
    }
    return null;
  }

  async #look(stripe: number): Promise<Stripe> {
    const { k, m, header, placement } = this.#blob;
    const length = this.#length(stripe);
    const data = new Map<number, Buffer>();
    const parity = new Map<number, Buffer>();
    for (let cell = 0; cell < k + m; cell++) {
      const bytes = await this.#read(stripe, cell);
      if (bytes === null || bytes.length < length) continue;
      const kept = bytes.subarray(0, length);
      if (cell < k) {
        const isRight =
          this.#isDefined(stripe, cell) || this.#open(stripe * k + cell, kept) !== null;
        if (isRight) data.set(cell, kept);
        continue;
      }
      const crc = cellChecksum(header, placement, stripe * (k + m) + cell, kept);
      const isRight = bytes.length === length + crcSize && crc === bytes.readBigUInt64LE(length);
      if (isRight) parity.set(cell, kept);
    }
    return { number: stripe, data, parity };
  }

  /** Of every cell in the stripe, without its checksum. */
  #length(stripe: number): number {
    return sizeOfChunk(this.#size, stripe * this.#blob.k) + tagSize;
  }

  /** A data cell behind the last chunk: zeros, in no file. */
  #isDefined(stripe: number, cell: number): boolean {
    const { k } = this.#blob;
    return cell < k && stripe * k + cell >= chunkCount(this.#size);
  }

  /** The cell and its checksum, as far as they are there; null: no file has them. */
  async #read(stripe: number, cell: number): Promise<Buffer | null> {
    const length = this.#length(stripe);
    if (this.#isDefined(stripe, cell)) return Buffer.alloc(length);
    const { zone, before } = this.#runOf(stripe, cell);
    const file = this.#files.find((each) => each.zone === zone);
    if (file === undefined) return null;
    const at = block + before.whole * (cellSize + crcSize) + before.inStripe * (length + crcSize);
    return readFrom(file.handle, at, length + crcSize).catch(() => null);
  }

  /** Which zone holds the cell, and how many cells stand before it in the zone's file. */
  #runOf(stripe: number, cell: number) {
    const { k, m, header } = this.#blob;
    const [all, zones] = [k + m, this.#zones];
    const rotation = header.blobId.readUInt32LE() % zones;
    for (let run = 0, first = 0; ; run++) {
      const size = Math.floor(all / zones) + (run < all % zones ? 1 : 0);
      if (cell >= first + size) {
        first += size;
        continue;
      }
      let inStripe = 0;
      for (let each = first; each < cell; each++) if (!this.#isDefined(stripe, each)) inStripe++;
      return { zone: (run + rotation) % zones, before: { whole: stripe * size, inStripe } };
    }
  }
}

/** So many sets of parity cells are tried for one chunk at most. */
const choicesMax = 1000;

/** Sets of `count` of the cells; at most `choicesMax`. */
function choices(cells: readonly number[], count: number): number[][] {
  const out: number[][] = [];
  const choose = (from: number, chosen: number[]): void => {
    if (out.length === choicesMax) return;
    if (chosen.length === count) {
      out.push(chosen);
      return;
    }
    for (let i = from; i <= cells.length - (count - chosen.length); i++)
      choose(i + 1, [...chosen, cells[i] as number]);
  };
  choose(0, []);
  return out;
}

/** Blobs that are looked at to tell a zone by. */
const looksMax = 64;

/**
 * Which of these positions the cells of a zone's first full-sized blob fit; null: there is none, or
 * it fits nowhere. A cell's checksum knows its number, and its number the zone.
 */
export async function zoneByCells(
  folder: string,
  positions: readonly number[],
  zones: number,
): Promise<number | null> {
  try {
    const names = await readdir(folder, { recursive: true });
    const blobs = names.filter((each) => /\.\d+$/.test(each)).sort();
    for (const name of blobs.slice(0, looksMax)) {
      const bytes = await readAt(join(folder, name), 0, block + cellSize + crcSize);
      if (bytes.length < block + cellSize + crcSize) continue;
      const { header, placement, k, m } = readPreamble(bytes);
      const cell = bytes.subarray(block, block + cellSize);
      const crc = bytes.readBigUInt64LE(block + cellSize);
      const rotation = header.blobId.readUInt32LE() % zones;
      for (const position of positions) {
        const run = (position - rotation + zones) % zones;
        const shorter = Math.floor((k + m) / zones);
        const first = run * shorter + Math.min(run, (k + m) % zones);
        if (cellChecksum(header, placement, first, cell) === crc) return position;
      }
    }
  } catch {
    // Then where room is left.
  }
  return null;
}
