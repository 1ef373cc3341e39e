// A second reader of a store's disks, written from docs/format and nothing else: node:crypto and
// xxhash-wasm, no code of the core. Every function throws on what does not check.
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import xxhash from 'xxhash-wasm';
import { Crc64 } from '../../lib/engine/crc64.ts';

const { h64Raw } = await xxhash();

export const block = 4096;
const chunkSize = 65_536;
const tagSize = 16;

export function xxh64(bytes: Uint8Array, seed = 0n): bigint {
  return h64Raw(bytes, seed);
}

export function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
function field(bytes: Uint8Array | string): Buffer {
  const raw = Buffer.from(bytes);
  return Buffer.concat([u32(raw.length), raw]);
}

/** Takes the pieces of a structure in order. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  raw(size: number): Buffer {
    demand(this.#at + size <= this.#bytes.length, 'cut short');
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }
  u8(): number {
    return this.raw(1).readUInt8();
  }
  u16(): number {
    return this.raw(2).readUInt16LE();
  }
  u32(): number {
    return this.raw(4).readUInt32LE();
  }
  u64(): bigint {
    return this.raw(8).readBigUInt64LE();
  }
  field(): Buffer {
    return this.raw(this.u32());
  }
  rest(): Buffer {
    return this.raw(this.#bytes.length - this.#at);
  }
  end(): void {
    demand(this.#at === this.#bytes.length, 'bytes are left over');
  }
}

// ── Seals

function gcmOpen(key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-tagSize));
  return Buffer.concat([decipher.update(sealed.subarray(0, -tagSize)), decipher.final()]);
}

function aesBlock(key: Buffer, bytes: Buffer): Buffer {
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(bytes);
}

/** XAES-256-GCM of C2SP: nonce 24 ‖ ciphertext ‖ tag. */
export function xaesOpen(key: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const subkey = aesBlock(key, Buffer.alloc(16));
  const carry = (subkey[0] as number) >> 7;
  for (let i = 0; i < 16; i++)
    subkey[i] = (((subkey[i] as number) << 1) | ((subkey[i + 1] ?? 0) >> 7)) & 0xff;
  subkey[15] = (subkey[15] as number) ^ (carry * 0x87);
  const half = (counter: number): Buffer => {
    const message = Buffer.concat([Buffer.of(0, counter, 0x58, 0), sealed.subarray(0, 12)]);
    for (let i = 0; i < 16; i++) message[i] = (message[i] as number) ^ (subkey[i] as number);
    return aesBlock(key, message);
  };
  const messageKey = Buffer.concat([half(1), half(2)]);
  return gcmOpen(messageKey, sealed.subarray(12, 24), aad, sealed.subarray(24));
}

// ── Superblock

export interface Superblock {
  counter: bigint;
  storeId: Buffer;
  zoneId: Buffer;
  state: number;
  zoneCount: number;
  position: number;
  geometry: number[];
  largeFrom: number;
  epochsReserved: bigint;
  rootHint: Buffer;
  ringGeneration: number;
  ring: Buffer;
  store: Buffer;
  recordGeneration: number;
  record: Buffer;
  index: Buffer;
  content: Buffer;
  mac: Buffer;
}

export function readSlot(slot: Buffer): Superblock {
  demand(slot.subarray(0, 8).equals(Buffer.from('SRSUPER1')), 'slot: magic');
  demand(slot.readUInt32LE(8) === 1, 'slot: version');
  const size = slot.readUInt32LE(12);
  const body = slot.subarray(24, 24 + size);
  demand(xxh64(body, slot.readBigUInt64LE(8)) === slot.readBigUInt64LE(16), 'slot: checksum');
  demand(
    slot.subarray(24 + size).every((byte) => byte === 0),
    'slot: zeros',
  );
  const content = body.subarray(0, -32);
  const c = new Cursor(content);
  const [counter, storeId, zoneId] = [c.u64(), c.raw(16), c.raw(16)];
  const [state, zoneCount] = [c.u8(), c.u8()];
  const geometry = [...c.raw(4)];
  const position = c.u8();
  c.raw(1);
  const [largeFrom, epochsReserved, rootHint] = [c.u32(), c.u64(), c.field()];
  const [ringGeneration, ring, store] = [c.u32(), c.field(), c.field()];
  const [recordGeneration, record, index] = [c.u32(), c.field(), c.field()];
  c.end();
  return {
    counter,
    storeId,
    zoneId,
    state,
    zoneCount,
    position,
    geometry,
    largeFrom,
    epochsReserved,
    rootHint,
    ringGeneration,
    ring,
    store,
    recordGeneration,
    record,
    index,
    content,
    mac: body.subarray(-32),
  };
}

export interface StoreKeys {
  storeId: Buffer;
  ring: Buffer;
  store: Buffer;
  record: Buffer;
  index: Buffer;
}

/** Opens the keys with the root key and proves the slot with them. */
export function openKeys(root: Buffer, slot: Superblock): StoreKeys {
  const { storeId } = slot;
  const aad = (label: string, generation: number): Buffer =>
    Buffer.concat([field(label), storeId, u32(generation)]);
  const ring = xaesOpen(root, aad('ring', slot.ringGeneration), slot.ring);
  const store = xaesOpen(ring, aad('store', slot.ringGeneration), slot.store);
  const record = xaesOpen(ring, aad('record', slot.recordGeneration), slot.record);
  const index = xaesOpen(ring, aad('index', slot.ringGeneration), slot.index);
  const mac = createHmac('sha256', store).update(u32(1)).update(slot.content).digest();
  demand(mac.equals(slot.mac), 'slot: HMAC');
  return { storeId, ring, store, record, index };
}

// ── The log

export interface Segment {
  number: number;
  id: Buffer;
  epoch: bigint;
  epochSegment: number;
}

export function readSegmentHeader(bytes: Buffer): Segment {
  const c = new Cursor(bytes);
  demand(c.raw(8).equals(Buffer.from('SRSEGMNT')), 'segment: magic');
  demand(c.u32() === 1, 'segment: version');
  const [number, id, epoch, epochSegment] = [c.u32(), c.raw(16), c.u64(), c.u32()];
  c.raw(4);
  demand(xxh64(bytes.subarray(0, 48)) === c.u64(), 'segment: checksum');
  return { number, id, epoch, epochSegment };
}

export interface Batch {
  offset: number;
  size: number;
  epoch: bigint;
  sequence: bigint;
  generation: number;
  frames: Buffer;
  sealed: Buffer;
}

/** Null where the log ends. */
export function readBatch(segment: Segment, file: Buffer, offset: number): Batch | null {
  const bytes = file.subarray(offset);
  if (!bytes.subarray(0, 8).equals(Buffer.from('SRBATCH1'))) return null;
  const c = new Cursor(bytes);
  c.raw(8);
  demand(c.raw(16).equals(segment.id), 'batch: of another segment');
  demand(c.u32() === offset, 'batch: of another place');
  const [size, recordOffset, recordSize] = [c.u32(), c.u32(), c.u32()];
  const [epoch, sequence, generation] = [c.u64(), c.u64(), c.u32()];
  demand(c.u32() === 0, 'batch: zero');
  const checksum = c.u64();
  demand(xxh64(bytes.subarray(0, 72)) === c.u64(), 'batch: checksum');
  const sealed = bytes.subarray(recordOffset, recordOffset + recordSize);
  demand(xxh64(sealed) === checksum, 'record: checksum');
  demand(size % block === 0 && recordOffset + recordSize <= size, 'batch: size');
  const frames = bytes.subarray(80, recordOffset);
  return { offset, size, epoch, sequence, generation, frames, sealed };
}

export function openRecord(keys: StoreKeys, segment: Segment, batch: Batch): Buffer {
  const place = [u32(batch.offset), u64(batch.epoch), u64(batch.sequence)];
  return xaesOpen(keys.record, Buffer.concat([keys.storeId, segment.id, ...place]), batch.sealed);
}

export interface SealHeader {
  bytes: Buffer;
  chunkSize: number;
  storeId: Buffer;
  blobId: Buffer;
  salt: Buffer;
  commitment: Buffer;
}

export function readSealHeader(bytes: Buffer): SealHeader {
  const c = new Cursor(bytes);
  demand(c.u32() === 1, 'seal header: suite');
  const [chunk, storeId, blobId] = [c.u32(), c.raw(16), c.raw(16)];
  const [salt, commitment] = [c.raw(24), c.raw(32)];
  c.end();
  return { bytes, chunkSize: chunk, storeId, blobId, salt, commitment };
}

function cellChecksum(header: SealHeader, placement: number, cell: number, bytes: Buffer): bigint {
  const crc = new Crc64();
  crc.update(Buffer.concat([header.blobId, u16(placement), u64(BigInt(cell))]));
  crc.update(bytes);
  return BigInt(crc.value);
}

export interface Frame {
  header: SealHeader;
  chunks: Buffer[];
  size: number;
  frameSize: number;
}

/** The blob frame at the beginning of `bytes`, with every cell's checksum verified. */
export function readFrame(bytes: Buffer): Frame {
  const header = readSealHeader(bytes.subarray(0, 96));
  const size = bytes.readUInt32LE(96);
  demand(bytes.readUInt32LE(100) === 0, 'frame: zero');
  demand(xxh64(bytes.subarray(0, 104)) === bytes.readBigUInt64LE(104), 'frame: checksum');
  const chunks: Buffer[] = [];
  let at = 112;
  for (let start = 0; start < size || start === 0; start += chunkSize) {
    const cell = bytes.subarray(at, at + Math.min(chunkSize, size - start) + tagSize);
    at += cell.length + 8;
    const crc = cellChecksum(header, 0, chunks.length, cell);
    demand(crc === bytes.readBigUInt64LE(at - 8), 'frame: cell');
    chunks.push(cell);
  }
  return { header, chunks, size, frameSize: at };
}

// ── Records and rows

export interface Effect {
  key: Buffer;
  row: Buffer | null;
}
export interface Head {
  kind: number;
  epoch: bigint;
  sequence: bigint;
  chainBefore: Buffer;
  wallMs: bigint;
  complianceMs: bigint;
}
export interface Commit extends Head {
  kind: 1;
  transactions: Effect[][];
}
export interface Epoch extends Head {
  kind: 2;
  previousEpoch: bigint;
  previousSegment: number;
  baseLocation: bigint;
  baseEnd: bigint;
  baseSequence: bigint;
  baseChain: Buffer;
  set: Buffer[];
}

export function readRecord(bytes: Buffer): Commit | Epoch {
  const c = new Cursor(bytes);
  const kind = c.u8();
  const [epoch, sequence, chainBefore] = [c.u64(), c.u64(), c.raw(32)];
  const head = { epoch, sequence, chainBefore, wallMs: c.u64(), complianceMs: c.u64() };
  if (kind === 1) {
    const transactions = Array.from({ length: c.u32() }, () => readEffects(c));
    c.end();
    return { kind, ...head, transactions };
  }
  demand(kind === 2, 'record: kind');
  const [previousEpoch, previousSegment] = [c.u64(), c.u32()];
  const [baseLocation, baseEnd, baseSequence] = [c.u64(), c.u64(), c.u64()];
  const baseChain = c.raw(32);
  const set = Array.from({ length: c.u8() }, () => c.raw(16));
  c.end();
  const base = { baseLocation, baseEnd, baseSequence, baseChain };
  return { kind, ...head, previousEpoch, previousSegment, ...base, set };
}

function readEffects(c: Cursor): Effect[] {
  return Array.from({ length: c.u32() }, () => {
    const key = c.raw(c.u16());
    const size = c.u32();
    return { key, row: size === 0xffffffff ? null : c.raw(size) };
  });
}

export interface BlobReference {
  id: Buffer;
  size: number;
  crc64: bigint;
  wrap: Buffer;
  location?: bigint;
}
/** How many rows name a large blob or a list of parts, and a blob's place. */
export interface Counted {
  references: number;
  placement: number;
  k: number;
  m: number;
}
export interface Row {
  modified: bigint;
  blob: BlobReference | null;
  counted?: Counted;
  body: Buffer;
}

export function readRow(bytes: Buffer): Row {
  const c = new Cursor(bytes);
  demand(c.u8() === 1, 'row: version');
  const kind = c.u8();
  demand(kind <= 6, 'row: kind');
  const modified = c.u64();
  if (kind === 0) return { modified, blob: null, body: c.rest() };
  if (kind === 6) {
    const counted = { references: c.u32(), placement: c.u16(), k: c.u8(), m: c.u8() };
    return { modified, blob: null, counted, body: c.rest() };
  }
  const head = { id: c.raw(16), size: Number(c.u64()), crc64: c.u64() };
  const wrap = kind <= 3 ? c.raw(72) : Buffer.alloc(0);
  const place = kind === 1 || kind === 4 ? { location: c.u64() } : {};
  return { modified, blob: { ...head, wrap, ...place }, body: c.rest() };
}

/** The bucket's id and opened key, from the body of its row (docs/format/rows.md). */
export type BucketKey = { readonly id: Buffer; readonly key: Buffer };

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
  const aad = Buffer.concat([field('bucket'), keys.storeId, bucketContext(id)]);
  return { id, key: xaesOpen(keys.ring, aad, wrapped) };
}

/** What a bucket's key is made for: its own wrap and each DEK's under it are bound to this. */
function bucketContext(id: Buffer): Buffer {
  return field(Buffer.concat([Buffer.from('strongroom bucket key\0'), id]));
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

// ── Blobs

export function openDek(storeId: Buffer, bucket: BucketKey, blob: BlobReference): Buffer {
  const aad = Buffer.concat([field('dek'), storeId, blob.id, bucketContext(bucket.id)]);
  return xaesOpen(bucket.key, aad, blob.wrap);
}

/** Opens sealed chunks under their positions; the last one carries the flag. */
export function openChunks(dek: Buffer, header: SealHeader, chunks: readonly Buffer[]): Buffer {
  const info = Buffer.concat([
    Buffer.from('strongroom.chunk'),
    Buffer.of(1, 0),
    header.salt,
    field(header.storeId),
    field(header.blobId),
    u32(header.chunkSize),
  ]);
  // HKDF-Expand of one SHA-512 block.
  const derived = createHmac('sha512', dek).update(info).update(Buffer.of(1)).digest();
  demand(derived.subarray(32).equals(header.commitment), 'commitment');
  const aad = sha256(header.bytes);
  return Buffer.concat(
    chunks.map((chunk, i) => {
      const nonce = Buffer.alloc(12);
      nonce.writeUInt32BE(i, 7);
      nonce[11] = i + 1 === chunks.length ? 1 : 0;
      return gcmOpen(derived.subarray(0, 32), nonce, aad, chunk);
    }),
  );
}

export interface Preamble {
  placement: number;
  k: number;
  m: number;
  epoch: bigint;
  header: SealHeader;
}

export function readPreamble(bytes: Buffer): Preamble {
  const c = new Cursor(bytes);
  demand(c.raw(8).equals(Buffer.from('SRBLOB\0\x01', 'latin1')), 'preamble: magic');
  demand(c.u32() === 1, 'preamble: version');
  const [placement, k, m, epoch] = [c.u16(), c.u8(), c.u8(), c.u64()];
  const header = readSealHeader(c.raw(96));
  demand(xxh64(bytes.subarray(0, 120)) === c.u64(), 'preamble: checksum');
  return { placement, k, m, epoch, header };
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
  const chunks = Math.max(1, Math.ceil(size / chunkSize));
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
