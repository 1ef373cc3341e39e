// One object as the log tells it: its keys opened, its bytes from whichever zones have them.
import { combineCrc64 } from '../crc64.ts';
import { StoreError } from '../errors.ts';
import { decodeObjectRow, layoutOf, type ObjectHeader, typeOf } from '../object/object-row.ts';
import { isSelected } from '../object/part-list.ts';
import { field } from './bytes.ts';
import { largeBlob } from './large-blob.ts';
import type { Piece, ZonesInOrder } from './piece.ts';
import { type BlobReference, type Counted, type Row, readRow } from './record.ts';
import { xaesOpen } from './seals.ts';
import { smallBlob } from './small-blob.ts';
import type { StoreKeys } from './superblock.ts';

export interface BucketKey {
  readonly id: Buffer;
  readonly key: Buffer;
}

/** What a bucket's key is made for: its own wrap and each DEK's under it are bound to this. */
function bucketContext(id: Buffer): Buffer {
  return field(Buffer.concat([Buffer.from('strongroom bucket key\0'), id]));
}

export function openBucketKey(
  keys: Pick<StoreKeys, 'storeId' | 'ring'>,
  id: Buffer,
  wrapped: Buffer,
): BucketKey {
  const aad = Buffer.concat([field('bucket'), keys.storeId, bucketContext(id)]);
  return { id, key: xaesOpen(keys.ring, aad, wrapped) };
}

export function openDek(
  storeId: Buffer,
  bucket: BucketKey,
  blob: Pick<BlobReference, 'id' | 'wrap'>,
): Buffer {
  const aad = Buffer.concat([field('dek'), storeId, blob.id, bucketContext(bucket.id)]);
  return xaesOpen(bucket.key, aad, blob.wrap);
}

/** A row of a list's part; a list has them in order of their positions. */
export interface PartRow {
  readonly position: bigint;
  readonly row: Buffer;
}

/** Where the bytes of all objects come from. */
export interface BodySource {
  readonly storeId: Buffer;
  readonly zones: ZonesInOrder;
  countedOf(blobId: Buffer): Counted | undefined;
  partsOf(listId: Buffer): readonly PartRow[];
}

const keyFrom = 9;
const versionSize = 8;

export class RescuedObject {
  readonly bucket: string;
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  readonly modified: Date;
  /** As head() gives it. */
  readonly etag: string;
  readonly type: string;
  readonly header: ObjectHeader;
  readonly #row: Row;
  readonly #bucketKey: BucketKey;
  readonly #source: BodySource;

  /** Internal: see RescuedStore.objects. */
  constructor(bucket: string, rowKey: string, row: Row, bucketKey: BucketKey, source: BodySource) {
    const bytes = Buffer.from(rowKey, 'latin1');
    this.bucket = bucket;
    this.key = bytes.toString('utf8', keyFrom, bytes.length - versionSize - 1);
    this.size = row.blob?.size ?? 0;
    this.modified = new Date(Number(row.modified));
    this.etag = `"${(row.blob?.id ?? Buffer.alloc(0)).toString('hex').toUpperCase()}"`;
    this.type = typeOf(row.body);
    this.header = decodeObjectRow(row.body);
    this.#row = row;
    this.#bucketKey = bucketKey;
    this.#source = source;
  }

  /** All its bytes in order, in pieces of 64 KiB at most; those that are lost are null. */
  async *pieces(): AsyncGenerator<Piece> {
    const { blob } = this.#row;
    if (blob === null) return;
    const { storeId } = this.#source;
    const dek = openDek(storeId, this.#bucketKey, blob);
    try {
      yield* blob.isList ? this.#parts(blob, dek) : this.#blob(blob, dek);
    } finally {
      dek.fill(0);
    }
  }

  /**
   * False for an object of parts whose rows are not those that it was made of: a commit that is
   * lost took or replaced one. Its bytes are those of the parts that are there.
   */
  get isProved(): boolean {
    const { blob } = this.#row;
    if (blob === null || !blob.isList) return true;
    let [size, crc64] = [0, '0'];
    for (const part of this.#chosen(blob)) {
      crc64 = combineCrc64(crc64, part.crc64.toString(), part.size);
      size += part.size;
    }
    return size === blob.size && crc64 === blob.crc64.toString();
  }

  /** @throws {StoreError} STORE_CORRUPT at the first byte that is lost, or when it is not proved */
  async *stream(): AsyncGenerator<Buffer> {
    if (!this.isProved)
      throw new StoreError(
        'STORE_CORRUPT',
        `${this.key}: its parts are not all that it was made of`,
      );
    for await (const { bytes, offset } of this.pieces()) {
      if (bytes === null)
        throw new StoreError('STORE_CORRUPT', `${this.key}: lost from byte ${offset} on`);
      yield bytes;
    }
  }

  #blob(blob: BlobReference, dek: Buffer): AsyncGenerator<Piece> {
    const { zones, countedOf } = this.#source;
    if (blob.location !== undefined) return smallBlob(zones, blob, dek);
    return largeBlob(zones, blob, countedOf(blob.id), dek);
  }

  /** The parts that count, with their positions, up to the object's size. */
  *#chosen(list: BlobReference): Generator<BlobReference & { readonly position: number }> {
    const layout = layoutOf(this.#row.body);
    let size = 0;
    for (const { position, row } of this.#source.partsOf(list.id)) {
      if (size >= this.size) return; // Parts behind are of a later append.
      const { blob } = readRow(row);
      if (blob === null || !isSelected(layout, Number(position))) continue;
      size += blob.size;
      yield { ...blob, position: Number(position) };
    }
  }

  /** Each part is a blob of its own under the DEK of the list. */
  async *#parts(list: BlobReference, dek: Buffer): AsyncGenerator<Piece> {
    const { byNumber } = layoutOf(this.#row.body);
    let offset = 0;
    for (const part of this.#chosen(list)) {
      // Of appends, a position is an offset: a part that is lost leaves a hole of known size.
      if (!byNumber && part.position > offset) {
        yield { offset, size: part.position - offset, bytes: null };
        offset = part.position;
      }
      for await (const piece of this.#blob(part, dek)) {
        const left = this.size - offset - piece.offset;
        if (left <= 0) return;
        const bytes = piece.bytes?.subarray(0, left) ?? null;
        yield { offset: offset + piece.offset, size: Math.min(piece.size, left), bytes };
      }
      offset += part.size;
    }
    if (offset < this.size) yield { offset, size: this.size - offset, bytes: null };
  }
}
