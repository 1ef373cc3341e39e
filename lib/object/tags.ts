// Tags: up to ten short labels on an object, within the limits of OSS.
import { StoreError } from '../errors.ts';
import { isRecord } from '../options.ts';
import { encodePairs } from './pairs.ts';

const countMax = 10;
const keyLengthMax = 128;
const valueLengthMax = 256;
const allowed = /^[A-Za-z0-9 +\-=._:/]*$/;

/** TypeError for what is no object with strings; TooManyTags, InvalidTag. */
export function encodeTags(call: string, tags: Record<string, string>): Buffer {
  if (!isRecord(tags)) throw new TypeError(`${call}: tags must be a plain object of strings`);
  const entries = Object.entries(tags);
  if (entries.length > countMax)
    throw new StoreError('TooManyTags', `${call}: ${entries.length} tags, ${countMax} at most`);
  const encoded = new Map<string, Buffer>();
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw new TypeError(`${call}: a tag's value must be a string`);
    if (key === '' || key.length > keyLengthMax || !allowed.test(key))
      throw refused(call, `key must have 1 to ${keyLengthMax}`);
    if (value.length > valueLengthMax || !allowed.test(value))
      throw refused(call, `value must have at most ${valueLengthMax}`);
    encoded.set(key, Buffer.from(value, 'latin1'));
  }
  return encodePairs(encoded);
}

function refused(call: string, what: string): StoreError {
  return new StoreError(
    'InvalidTag',
    `${call}: a tag's ${what} letters, digits, spaces or + - = . _ : /`,
  );
}
