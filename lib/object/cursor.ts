// Cursors: where a listing goes on. Opaque to callers, checked when they come back, since a cursor
// may have travelled through a browser and may be used with another listing by mistake.
//
//   cursor = base64url( version(01) check(8) resume )
//   check  = the first 8 bytes of SHA-256 over bucket id, kind of listing, prefix, delimiter and
//            resume
//   resume = a row key without its first 9 bytes (letter and bucket id)
import { createHash } from 'node:crypto';
import { objectTextFrom } from '../engine/row-key.ts';
import type { RowKey } from '../engine/storage-engine.ts';
import { invalidArgument } from '../errors.ts';
import type { ListOptions } from './types.ts';

const cursorVersion = 1;
const checkSize = 8;
const cursorLengthMax = 2048;

/** What of a listing its cursors are bound to. */
export interface CursorScope extends ListOptions {
  /** Only versions of this key. */
  readonly key?: string | undefined;
}

export function encodeCursor(resume: RowKey, bucketId: Uint8Array, options: CursorScope): string {
  const head = Uint8Array.of(cursorVersion);
  // A page that ends with the bucket's last row may resume behind the bucket: nothing follows
  // there.
  const rest = resume.subarray(objectTextFrom);
  return Buffer.concat([head, checkOf(rest, bucketId, options), rest]).toString('base64url');
}

/** The row key that the page before gave to resume at; InvalidArgument for any other cursor. */
export function decodeCursor(cursor: string, bucketId: Uint8Array, options: CursorScope): RowKey {
  const bytes = Buffer.from(cursor.slice(0, cursorLengthMax), 'base64url');
  const check = bytes.subarray(1, 1 + checkSize);
  const rest = bytes.subarray(1 + checkSize);
  const canonical = bytes.toString('base64url') === cursor;
  if (!canonical || bytes[0] !== cursorVersion || !checkOf(rest, bucketId, options).equals(check))
    throw invalidArgument('list: the cursor is not one of this listing');
  return Buffer.concat([Uint8Array.of(0x6f), bucketId, rest]);
}

function checkOf(rest: Uint8Array, bucketId: Uint8Array, options: CursorScope): Buffer {
  const { prefix = '', delimiter = '', reverse = false, versions = false, at, key } = options;
  const moment = at === undefined ? null : new Date(at);
  const kind = [prefix, delimiter, reverse, versions, moment, key ?? null];
  return createHash('sha256')
    .update(bucketId)
    .update(JSON.stringify(kind))
    .update('\0')
    .update(rest)
    .digest()
    .subarray(0, checkSize);
}
