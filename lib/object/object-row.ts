// The body of an object row; key, size, checksum, time and blob stand in the row around it.
//
//   body     = version(01) type(1) class(1) field*
//   field    = tag(1) length(2, little-endian) bytes       tags ascend, each at most once
//   tag      = 01 content type   02 content encoding   03 content disposition   04 content language
//              05 cache control  06 expires (8 bytes, little-endian ms, signed)  07 metadata
//   metadata = ( length(1) name length(2, little-endian) value )*               names ascend
//   type     = 00 Normal        class = 00 Standard
//
// docs/format/rows.md has a worked example. A tag that this version does not know is stepped over.
import { invalidArgument, StoreError } from '../errors.ts';
import { isRecord } from '../options.ts';
import type { PutOptions } from './types.ts';

/** What the caller said about an object. */
export interface ObjectHeader {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly cacheControl?: string;
  readonly expires?: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

const bodyVersion = 1;
const prologue = Uint8Array.of(bodyVersion, 0, 0);
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

/** Throws TypeError and InvalidArgument for headers that could not travel over HTTP. */
export function encodeObjectRow(options: PutOptions | undefined, bodyType: string): Uint8Array {
  // Most puts say nothing, and share one array.
  if (options === undefined && bodyType === '') return prologue;
  const fields: Uint8Array[] = [prologue];
  for (const [tag, name] of textTags) {
    const text = options?.[name] ?? (name === 'contentType' ? bodyType : '');
    if (text !== '') fields.push(...field(tag, headerText(name, text)));
  }
  if (options?.expires !== undefined) fields.push(...field(expiresTag, moment(options.expires)));
  if (options?.metadata !== undefined) {
    const metadata = encodeMetadata(options.metadata);
    if (metadata.length > 0) fields.push(...field(metadataTag, metadata));
  }
  return fields.length === 1 ? prologue : Buffer.concat(fields);
}

function field(tag: number, bytes: Uint8Array): [Uint8Array, Uint8Array] {
  return [Uint8Array.of(tag, bytes.length & 0xff, bytes.length >>> 8), bytes];
}

function headerText(name: string, text: string): Uint8Array {
  if (typeof text !== 'string') throw new TypeError(`put: ${name} must be a string`);
  if (text.length > headerSizeMax)
    throw invalidArgument(`put: ${name} is over ${headerSizeMax} characters`);
  // A line break would forge headers when the object is served over HTTP.
  if (!/^[\x20-\x7e\t]*$/.test(text))
    throw invalidArgument(`put: ${name} must be printable ASCII; encode the rest as in RFC 8187`);
  return Buffer.from(text, 'latin1');
}

function moment(date: Date): Uint8Array {
  if (!(date instanceof Date)) throw new TypeError('put: expires must be a Date');
  if (Number.isNaN(date.getTime())) throw invalidArgument('put: expires is an invalid Date');
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(date.getTime()));
  return bytes;
}

function encodeMetadata(metadata: Record<string, string>): Buffer {
  if (!isRecord(metadata)) throw new TypeError('put: metadata must be a plain object of strings');
  const entries = new Map<string, Buffer>();
  let size = 0;
  for (const [given, value] of Object.entries(metadata)) {
    const name = metadataName(given);
    if (entries.has(name)) throw invalidArgument(`put: metadata names ${name} twice`);
    entries.set(name, metadataValue(given, value));
    size += name.length + (entries.get(name) as Buffer).length;
    if (size > metadataSizeMax)
      throw invalidArgument(`put: metadata is over ${metadataSizeMax} bytes of names and values`);
  }
  const parts: Uint8Array[] = [];
  for (const [name, value] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sizes = Uint8Array.of(value.length & 0xff, value.length >>> 8);
    parts.push(Uint8Array.of(name.length), Buffer.from(name, 'latin1'), sizes, value);
  }
  return Buffer.concat(parts);
}

function metadataName(name: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]{1,255}$/.test(name))
    throw invalidArgument('put: a metadata name must be an HTTP token of 1 to 255 characters');
  return name.toLowerCase();
}

function metadataValue(name: string, value: string): Buffer {
  if (typeof value !== 'string') throw new TypeError(`put: metadata ${name} must be a string`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value) || !value.isWellFormed())
    throw invalidArgument(`put: metadata ${name} holds control characters or a lone surrogate`);
  return Buffer.from(value);
}

/** Throws STORE_VERSION for a row of a later version, STORE_CORRUPT for one that ends early. */
export function decodeObjectRow(bytes: Uint8Array): ObjectHeader {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.length > 0 && body[0] !== bodyVersion) throw new StoreError('STORE_VERSION');
  if (body.length < prologue.length) throw damaged();
  const header: { -readonly [K in keyof ObjectHeader]: ObjectHeader[K] } = { metadata: noMetadata };
  for (let at = prologue.length; at < body.length; ) {
    if (at + 3 > body.length) throw damaged();
    const tag = body[at];
    const value = body.subarray(at + 3, at + 3 + body.readUInt16LE(at + 1));
    at += 3 + body.readUInt16LE(at + 1);
    if (at > body.length) throw damaged();
    const text = textTags.find(([known]) => known === tag);
    if (text !== undefined) header[text[1]] = value.toString('latin1');
    else if (tag === expiresTag) header.expires = new Date(Number(value.readBigInt64LE()));
    else if (tag === metadataTag) header.metadata = decodeMetadata(value);
  }
  return header;
}

const noMetadata: Readonly<Record<string, string>> = Object.freeze({});

function decodeMetadata(bytes: Buffer): Readonly<Record<string, string>> {
  const entries: [string, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const valueAt = at + 1 + (bytes[at] as number) + 2;
    if (valueAt > bytes.length) throw damaged();
    const end = valueAt + bytes.readUInt16LE(valueAt - 2);
    if (end > bytes.length) throw damaged();
    entries.push([
      bytes.toString('latin1', at + 1, valueAt - 2),
      bytes.toString('utf8', valueAt, end),
    ]);
    at = end;
  }
  // fromEntries defines properties, so a name like __proto__ is a name like any other.
  return Object.freeze(Object.fromEntries(entries));
}

function damaged(): StoreError {
  return new StoreError('STORE_CORRUPT', 'the row of an object cannot be read');
}
