// A large blob: cells of stripes in files of their own, spread over the zones
// (docs/format/blob-file.md). Of each stripe any k cells are enough.
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Cursor, demand } from './bytes.ts';
import { rebuild } from './erasure.ts';
import { cellChecksum } from './log.ts';
import { openerOf, type Piece, pieceOf, sizeOfChunk, tried, type ZonesInOrder } from './piece.ts';
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
import { readFrom, type ZoneFolder } from './zone-folder.ts';

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
  try {
    // Without its counting row, which a hole in the log may have taken, any placement may be it.
    const names = counted === undefined ? await readdir(below) : [`${id}.${counted.placement}`];
    const name = names
      .filter((each) => each.startsWith(`${id}.`))
      .sort()
      .at(-1);
    return name === undefined ? null : await open(join(below, name), 'r');
  } catch {
    return null;
  }
}

/** The cells of one large blob, of all zones that have a file of it. */
class Cells {
  readonly #files: readonly CellFile[];
  readonly #zones: number;
  readonly #blob: Preamble;
  readonly #opener: ChunkKey;
  readonly #size: number;

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

  /** From k others. A forged cell has a right checksum: then other k of them are tried. */
  async #rebuilt(stripe: number, wanted: number, index: number): Promise<Buffer | null> {
    const { k, m, header, placement } = this.#blob;
    const others = new Map<number, Buffer>();
    for (let cell = 0; cell < k + m; cell++) {
      if (cell === wanted) continue;
      const bytes = await this.#read(stripe, cell);
      if (bytes === null) continue;
      const length = this.#length(stripe);
      const kept = bytes.subarray(0, length);
      const isRight =
        this.#isDefined(stripe, cell) ||
        (bytes.length === length + crcSize &&
          cellChecksum(header, placement, stripe * (k + m) + cell, kept) ===
            bytes.readBigUInt64LE(length));
      if (isRight) others.set(cell, kept);
    }
    for (const chosen of choices([...others.keys()], k)) {
      const cells = new Map(chosen.map((cell) => [cell, others.get(cell) as Buffer]));
      const opened = this.#open(index, rebuild(k, cells, wanted));
      if (opened !== null) return opened;
    }
    return null;
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

/** So many sets of cells are tried for one chunk at most. */
const choicesMax = 64;

/** Sets of k of the cells; at most `choicesMax`. */
function choices(cells: readonly number[], k: number): number[][] {
  const out: number[][] = [];
  const choose = (from: number, chosen: number[]): void => {
    if (out.length === choicesMax) return;
    if (chosen.length === k) {
      out.push(chosen);
      return;
    }
    for (let i = from; i <= cells.length - (k - chosen.length); i++)
      choose(i + 1, [...chosen, cells[i] as number]);
  };
  choose(0, []);
  return out;
}
