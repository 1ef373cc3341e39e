// The body of an object row; key, size, checksum, time and blob stand in the row around it.
//
//   body     = version(01) type(1) class(1) field*
//   field    = tag(1) length(2, little-endian) bytes       tags ascend, each at most once
//   tag      = 01 content type   02 content encoding   03 content disposition   04 content language
//              05 cache control  06 expires (8 bytes, little-endian ms, signed)  07 metadata
//              08 tags           09 checksums that were asked for    10 target of a symlink (UTF-8)
//              11 layout of its parts      12 which of them count (part-list.ts)
//   metadata, tags = pairs (pairs.ts)      checksums = kept (checksum.ts)
//   type     = 00 Normal   01 Multipart   02 Appendable   03 Symlink   04 a delete marker
//              80 is added where the version has an id of its own, and is not the null version
//   class    = 00 Standard
//
// docs/format/rows.md has a worked example. A tag that this version does not know is stepped over.
import type { Digests } from '../engine/digests.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { isRecord } from '../options.ts';
import { decodeChecksums, encodeChecksums } from './checksum.ts';
import { damagedRow, decodePairs, encodePairs, noPairs } from './pairs.ts';
import { decodeLayout, encodeLayout, type PartsLayout } from './part-list.ts';
import { encodeTags } from './tags.ts';
import type { Checksums, PutOptions } from './types.ts';

/** As OSS spells them; the position is what a row holds. */
const objectTypes = ['Normal', 'Multipart', 'Appendable', 'Symlink'] as const;
export type ObjectType = (typeof objectTypes)[number];
const symlinkType = 3;
const markerType = 4;
const numberedBit = 0x80;

/** What the caller said about an object. */
export interface ObjectHeader {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly cacheControl?: string;
  readonly expires?: Date;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Without CRC64, which stands in the row around the body. */
  readonly checksums: Readonly<Omit<Checksums, 'crc64'>>;
  readonly symlinkTarget?: string;
}

const bodyVersion = 1;
const prologue = Uint8Array.of(bodyVersion, 0, 0);
const numberedPrologue = Uint8Array.of(bodyVersion, numberedBit, 0);
/** Bytes of names and values, as in OSS. */
const metadataSizeMax = 8192;
/** Bytes of each content header. */
const headerSizeMax = 2048;

const textTags = [
  [1, 'contentType'],
  [2, 'contentEncoding'],
  [3, 'contentDisposition'],
  [4, 'contentLanguage'],
  [5, 'cacheControl'],
] as const;
const expiresTag = 6;
const metadataTag = 7;
const tagsTag = 8;
const checksumsTag = 9;
const targetTag = 10;
const layoutTag = 11;
const selectionTag = 12;

/**
 * Throws TypeError, InvalidArgument for headers that could not travel over HTTP, InvalidTag and
 * TooManyTags.
 */
export function encodeObjectRow(
  call: string,
  options: PutOptions | undefined,
  bodyType: string,
): Uint8Array {
  // Most puts say nothing, and share one array.
  if (options === undefined && bodyType === '') return prologue;
  const fields: Uint8Array[] = [prologue];
  const add = (tag: number, bytes: Uint8Array): void => {
    if (bytes.length > 0) fields.push(...field(tag, bytes));
  };
  for (const [tag, name] of textTags) {
    const text = options?.[name] ?? (name === 'contentType' ? bodyType : '');
    add(tag, headerText(call, name, text));
  }
  const { expires, metadata, tags } = options ?? {};
  if (expires !== undefined) add(expiresTag, moment(call, expires));
  if (metadata !== undefined) add(metadataTag, encodeMetadata(call, metadata));
  if (tags !== undefined) add(tagsTag, encodeTags(call, tags));
  return fields.length === 1 ? prologue : Buffer.concat(fields);
}

/** The row of a link: valid headers and a valid key. */
export function encodeSymlinkRow(
  call: string,
  options: PutOptions | undefined,
  target: string,
): Uint8Array {
  const header = encodeObjectRow(call, options, '');
  const row = Buffer.concat([header, ...field(targetTag, Buffer.from(target))]);
  row[1] = symlinkType;
  return row;
}

/** Without a look at more than one byte: every get asks. */
export function isSymlink(row: Uint8Array): boolean {
  return typeByte(row) === symlinkType;
}

export function isMarker(row: Uint8Array): boolean {
  return typeByte(row) === markerType;
}

/** It has a version id of its own. */
export function isNumbered(row: Uint8Array): boolean {
  return ((row[1] ?? 0) & numberedBit) !== 0;
}

/** The row of the next version, as `nextVersion` decides. */
export function asVersion(
  row: Uint8Array,
  { numbered }: { readonly numbered: boolean },
): Uint8Array {
  if (numbered === isNumbered(row)) return row;
  if (row === prologue) return numberedPrologue; // Most puts say nothing.
  const copy = Uint8Array.from(row);
  copy[1] = typeByte(row) | (numbered ? numberedBit : 0);
  return copy;
}

export function encodeMarkerRow(version: { readonly numbered: boolean }): Uint8Array {
  return asVersion(Uint8Array.of(bodyVersion, markerType, 0), version);
}

function typeByte(row: Uint8Array): number {
  return (row[1] ?? 0x7f) & ~numberedBit;
}

/** STORE_CORRUPT for one that is unknown. A delete marker is of no type; it passes as Normal. */
export function typeOf(row: Uint8Array): ObjectType {
  const type = isMarker(row) ? 'Normal' : objectTypes[typeByte(row)];
  if (type === undefined) throw damagedRow();
  return type;
}

/** A row, encoded before its body was read, with what was computed over the body. */
export function withChecksums(row: Uint8Array, digests: Digests): Uint8Array {
  const checksums = encodeChecksums(digests);
  return checksums.length === 0 ? row : Buffer.concat([row, ...field(checksumsTag, checksums)]);
}

/** A row with other tags; `tags` as encodeTags() gives them. */
export function withTags(row: Uint8Array, tags: Uint8Array): Uint8Array {
  const fields = new Map<number, Uint8Array>(fieldsOf(row));
  fields.delete(tagsTag);
  if (tags.length > 0) fields.set(tagsTag, tags);
  const composedRow = composed(row[1] as number, fields);
  composedRow[2] = row[2] as number;
  return composedRow;
}

/** The row of an object whose bytes are a list of parts. */
export function withParts(
  row: Uint8Array,
  type: 'Multipart' | 'Appendable',
  layout: PartsLayout,
): Uint8Array {
  const parts = new Map([[layoutTag, encodeLayout(layout)]]);
  if (layout.selection !== null) parts.set(selectionTag, layout.selection);
  return composed(objectTypes.indexOf(type), [...fieldsOf(row), ...parts]);
}

/** STORE_CORRUPT where an object has no parts. */
export function layoutOf(row: Uint8Array): PartsLayout {
  const fields = new Map(fieldsOf(row));
  const layout = fields.get(layoutTag);
  if (layout === undefined) throw damagedRow();
  return decodeLayout(layout, fields.get(selectionTag) ?? null);
}

/**
 * The row of a copy: what the caller said anew stands in `header`, everything else stays. A copy of
 * an object that grows by appends grows no more: its parts are the other's too.
 */
export function copiedRow(
  source: Uint8Array,
  header: Uint8Array,
  replaced: { readonly metadata: boolean; readonly tags: boolean },
): Uint8Array {
  const isNew = (tag: number): boolean =>
    tag === tagsTag ? replaced.tags : tag <= metadataTag && replaced.metadata;
  const kept = [...fieldsOf(source)].filter(([tag]) => !isNew(tag));
  const said = [...fieldsOf(header)].filter(([tag]) => isNew(tag));
  const type = typeOf(source) === 'Appendable' ? 'Normal' : typeOf(source);
  return composed(objectTypes.indexOf(type), [...kept, ...said]);
}

export function withType(row: Uint8Array, type: ObjectType): Uint8Array {
  const copy = Uint8Array.from(row);
  copy[1] = objectTypes.indexOf(type);
  return copy;
}

function composed(type: number, fields: Iterable<[tag: number, bytes: Uint8Array]>): Uint8Array {
  const byTag = [...new Map(fields)].sort(([a], [b]) => a - b);
  const row = Buffer.concat([prologue, ...byTag.flatMap(([tag, bytes]) => field(tag, bytes))]);
  row[1] = type;
  return row;
}

function field(tag: number, bytes: Uint8Array): [Uint8Array, Uint8Array] {
  return [Uint8Array.of(tag, bytes.length & 0xff, bytes.length >>> 8), bytes];
}

function headerText(call: string, name: string, text: string): Uint8Array {
  if (typeof text !== 'string') throw new TypeError(`${call}: ${name} must be a string`);
  if (text.length > headerSizeMax)
    throw invalidArgument(`${call}: ${name} is over ${headerSizeMax} characters`);
  // A line break would forge headers when the object is served over HTTP.
  if (!/^[\x20-\x7e\t]*$/.test(text))
    throw invalidArgument(
      `${call}: ${name} must be printable ASCII; encode the rest as in RFC 8187`,
    );
  return Buffer.from(text, 'latin1');
}

function moment(call: string, date: Date): Uint8Array {
  if (!(date instanceof Date)) throw new TypeError(`${call}: expires must be a Date`);
  if (Number.isNaN(date.getTime())) throw invalidArgument(`${call}: expires is an invalid Date`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(date.getTime()));
  return bytes;
}

function encodeMetadata(call: string, metadata: Record<string, string>): Buffer {
  if (!isRecord(metadata))
    throw new TypeError(`${call}: metadata must be a plain object of strings`);
  const entries = new Map<string, Buffer>();
  let size = 0;
  for (const [given, value] of Object.entries(metadata)) {
    const name = metadataName(call, given);
    if (entries.has(name)) throw invalidArgument(`${call}: metadata names ${name} twice`);
    const bytes = metadataValue(call, given, value);
    entries.set(name, bytes);
    size += name.length + bytes.length;
    if (size > metadataSizeMax)
      throw invalidArgument(
        `${call}: metadata is over ${metadataSizeMax} bytes of names and values`,
      );
  }
  return encodePairs(entries);
}

function metadataName(call: string, name: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]{1,255}$/.test(name))
    throw invalidArgument(`${call}: a metadata name must be an HTTP token of 1 to 255 characters`);
  return name.toLowerCase();
}

function metadataValue(call: string, name: string, value: string): Buffer {
  if (typeof value !== 'string') throw new TypeError(`${call}: metadata ${name} must be a string`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value) || !value.isWellFormed())
    throw invalidArgument(`${call}: metadata ${name} holds control characters or a lone surrogate`);
  return Buffer.from(value);
}

/** Throws STORE_VERSION for a row of a later version, STORE_CORRUPT for one that ends early. */
export function decodeObjectRow(bytes: Uint8Array): ObjectHeader {
  const header: { -readonly [K in keyof ObjectHeader]: ObjectHeader[K] } = {
    metadata: noPairs,
    tags: noPairs,
    checksums: noPairs,
  };
  for (const [tag, value] of fieldsOf(bytes)) {
    const text = textTags.find(([known]) => known === tag);
    if (text !== undefined) header[text[1]] = value.toString('latin1');
    else if (tag === expiresTag) header.expires = decodeMoment(value);
    else if (tag === metadataTag) header.metadata = decodePairs(value);
    else if (tag === tagsTag) header.tags = decodePairs(value);
    else if (tag === checksumsTag) header.checksums = decodeChecksums(value);
    else if (tag === targetTag) header.symlinkTarget = value.toString('utf8');
  }
  return header;
}

function* fieldsOf(bytes: Uint8Array): Generator<[tag: number, value: Buffer]> {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.length > 0 && body[0] !== bodyVersion) throw new StoreError('STORE_VERSION');
  if (body.length < prologue.length) throw damagedRow();
  for (let at = prologue.length; at < body.length; ) {
    if (at + 3 > body.length) throw damagedRow();
    const end = at + 3 + body.readUInt16LE(at + 1);
    if (end > body.length) throw damagedRow();
    yield [body[at] as number, body.subarray(at + 3, end)];
    at = end;
  }
}

function decodeMoment(value: Buffer): Date {
  if (value.length !== 8) throw damagedRow();
  return new Date(Number(value.readBigInt64LE()));
}
