// Object keys: names, never paths. Whatever is allowed is stored byte for byte as UTF-8, so `..`,
// `a//b`, line breaks and text that is not in normal form are keys like any other.
import { StoreError } from '../errors.ts';

/** Bytes of UTF-8. */
export const objectKeySizeMax = 1023;

const slash = 0x2f;
const backslash = 0x5c;

/** Throws TypeError for what is no string and InvalidObjectName for what is no object key. */
export function checkObjectKey(key: string): void {
  if (typeof key !== 'string') throw new TypeError('an object key must be a string');
  const first = key.charCodeAt(0);
  if (key.length === 0) throw refused(key, 'is empty');
  if (first === slash || first === backslash) throw refused(key, 'begins with / or \\');
  checkKeyText(key);
}

/** The rules that hold for a part of a key too: a prefix, a delimiter, where a listing starts. */
export function checkKeyText(text: string): void {
  if (text.length > objectKeySizeMax || Buffer.byteLength(text) > objectKeySizeMax)
    throw refused(text, `is over ${objectKeySizeMax} bytes of UTF-8`);
  if (text.includes('\0')) throw refused(text, 'holds NUL');
  // A lone surrogate has no UTF-8 form: two different keys would become the same bytes.
  if (!text.isWellFormed()) throw refused(text, 'holds a lone surrogate');
}

function refused(key: string, why: string): StoreError {
  return new StoreError('InvalidObjectName', `the object key ${why}`, { key: key.slice(0, 100) });
}
