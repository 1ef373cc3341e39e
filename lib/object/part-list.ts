// Lists of parts: what their rows say, and how an object tells where each of its parts lies.
//
//   part row  = version(01) position(8, little-endian)          size and checksum stand around it
//   layout    = order(1) signpost*                              a field of the object's row
//   order     = 00: a position is the part's offset in the object (appends)
//               01: a position is a part number (a multipart upload)
//   signpost  = number(2, little-endian) offset(8, little-endian)     of each 64th part
//   selection = a bit for each number from 0 on: the parts that count, where some do not
//
// An object of ten thousand parts has a row of a few kilobytes, and a range of it is found by
// reading 64 part rows at most.
import type { Page } from '../engine/storage-engine.ts';
import { damagedRow } from './pairs.ts';

/** Parts between two signposts. */
export const signpostEvery = 64;
export const partNumberMax = 10_000;

export interface PartsLayout {
  readonly byNumber: boolean;
  /** Of each 64th part, in order. */
  readonly signposts: readonly Signpost[];
  /** Null: all parts count. */
  readonly selection: Uint8Array | null;
}
export interface Signpost {
  readonly position: number;
  /** Of the part in the object, in bytes. */
  readonly offset: number;
}

/** Of an object that grows by appends. */
export const appendLayout: PartsLayout = { byNumber: false, signposts: [], selection: null };

export function encodePartRow(position: number): Uint8Array {
  const body = Buffer.alloc(9);
  body[0] = 1;
  body.writeBigUInt64LE(BigInt(position), 1);
  return body;
}

/** The position of entry `i` of a page of part rows. STORE_CORRUPT. */
export function partPosition(page: Page, i: number): number {
  const bytes = page.body(i);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.length < 9 || body[0] !== 1) throw damagedRow();
  return Number(body.readBigUInt64LE(1));
}

export function encodeLayout({ byNumber, signposts }: PartsLayout): Uint8Array {
  const bytes = Buffer.alloc(1 + signposts.length * 10);
  bytes[0] = byNumber ? 1 : 0;
  for (const [i, { position, offset }] of signposts.entries()) {
    bytes.writeUInt16LE(position, 1 + i * 10);
    bytes.writeBigUInt64LE(BigInt(offset), 3 + i * 10);
  }
  return bytes;
}

/** STORE_CORRUPT. */
export function decodeLayout(field: Uint8Array, selection: Uint8Array | null): PartsLayout {
  const bytes = Buffer.from(field.buffer, field.byteOffset, field.length);
  if (bytes.length % 10 !== 1 || (bytes[0] as number) > 1) throw damagedRow();
  const signposts: Signpost[] = [];
  for (let at = 1; at < bytes.length; at += 10)
    signposts.push({
      position: bytes.readUInt16LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 2)),
    });
  return { byNumber: bytes[0] === 1, signposts, selection };
}

export function isSelected({ selection }: PartsLayout, position: number): boolean {
  return selection === null || (((selection[position >>> 3] ?? 0) >>> (position & 7)) & 1) === 1;
}

/** Where to begin reading part rows for a byte of the object. */
export function signpostFor(layout: PartsLayout, offset: number): Signpost {
  let found: Signpost = { position: 0, offset: 0 };
  for (const signpost of layout.signposts) {
    if (signpost.offset > offset) break;
    found = signpost;
  }
  return found;
}
