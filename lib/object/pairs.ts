// Names with values, as metadata and tags lie in a row:
//
//   pairs = ( length(1) name length(2, little-endian) value )*          names ascend
import { StoreError } from '../errors.ts';

/** `entries`: names of at most 255 characters of ASCII, and values of at most 65,535 bytes. */
export function encodePairs(entries: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, value] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sizes = Uint8Array.of(value.length & 0xff, value.length >>> 8);
    parts.push(Uint8Array.of(name.length), Buffer.from(name, 'latin1'), sizes, value);
  }
  return Buffer.concat(parts);
}

export const noPairs: Readonly<Record<string, string>> = Object.freeze({});

/** STORE_CORRUPT for bytes that end inside a pair. */
export function decodePairs(bytes: Buffer): Readonly<Record<string, string>> {
  const entries: [string, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const valueAt = at + 1 + (bytes[at] as number) + 2;
    if (valueAt > bytes.length) throw damagedRow();
    const end = valueAt + bytes.readUInt16LE(valueAt - 2);
    if (end > bytes.length) throw damagedRow();
    entries.push([
      bytes.toString('latin1', at + 1, valueAt - 2),
      bytes.toString('utf8', valueAt, end),
    ]);
    at = end;
  }
  // fromEntries defines properties, so a name like __proto__ is a name like any other.
  return Object.freeze(Object.fromEntries(entries));
}

export function damagedRow(): StoreError {
  return new StoreError('STORE_CORRUPT', 'the row of an object cannot be read');
}
