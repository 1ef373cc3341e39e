// Superblocks (docs/format/superblock.md): which zone this is, and the way from the root key to all
// others. One slot of two rules: the sound one with the higher counter.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { StoreError } from '../errors.ts';
import { Cursor, demand, field, u32 } from './bytes.ts';
import { xaesOpen } from './seals.ts';
import { xxh64 } from './xxh64.ts';

export const block = 4096;

export interface Superblock {
  readonly counter: bigint;
  readonly storeId: Buffer;
  readonly zoneId: Buffer;
  readonly state: number;
  readonly zoneCount: number;
  readonly position: number;
  readonly geometry: readonly number[];
  readonly largeFrom: number;
  readonly epochsReserved: bigint;
  readonly rootHint: Buffer;
  readonly ringGeneration: number;
  readonly ring: Buffer;
  readonly store: Buffer;
  readonly recordGeneration: number;
  readonly record: Buffer;
  readonly index: Buffer;
  readonly roster: { readonly since: bigint; readonly zones: readonly Buffer[] };
  readonly content: Buffer;
  readonly mac: Buffer;
}

/** STORE_CORRUPT for what is torn or rotten, STORE_VERSION for a later format. */
export function readSlot(slot: Buffer): Superblock {
  demand(slot.subarray(0, 8).equals(Buffer.from('SRSUPER1')), 'slot: magic');
  const size = slot.readUInt32LE(12);
  demand(size > 32 && 24 + size <= slot.length, 'slot: size');
  const body = slot.subarray(24, 24 + size);
  demand(xxh64(body, slot.readBigUInt64LE(8)) === slot.readBigUInt64LE(16), 'slot: checksum');
  if (slot.readUInt32LE(8) !== 1) throw new StoreError('STORE_VERSION');
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
  const roster = { since: c.u64(), zones: Array.from({ length: zoneCount }, () => c.raw(16)) };
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
    roster,
    content,
    mac: body.subarray(-32),
  };
}

export interface StoreKeys {
  readonly storeId: Buffer;
  readonly ring: Buffer;
  readonly store: Buffer;
  readonly record: Buffer;
  readonly index: Buffer;
}

/** Opens the keys, and proves the slot with them. WRONG_ROOT_KEY, STORE_CORRUPT. */
export function openKeys(root: Uint8Array, slot: Superblock): StoreKeys {
  const { storeId } = slot;
  const aad = (label: string, generation: number): Buffer =>
    Buffer.concat([field(label), storeId, u32(generation)]);
  let ring: Buffer;
  try {
    ring = xaesOpen(root, aad('ring', slot.ringGeneration), slot.ring);
  } catch {
    throw new StoreError('WRONG_ROOT_KEY');
  }
  const store = xaesOpen(ring, aad('store', slot.ringGeneration), slot.store);
  const record = xaesOpen(ring, aad('record', slot.recordGeneration), slot.record);
  const index = xaesOpen(ring, aad('index', slot.ringGeneration), slot.index);
  const mac = createHmac('sha256', store).update(u32(1)).update(slot.content).digest();
  demand(timingSafeEqual(mac, slot.mac), 'slot: HMAC');
  return { storeId, ring, store, record, index };
}
