// A path as a caller gives it.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invalidArgument } from '../errors.ts';

/** TypeError, InvalidArgument. */
export function absolutePath(call: string, given: string | URL): string {
  if (given instanceof URL) {
    if (given.protocol !== 'file:') throw invalidArgument(`${call}: the URL must be file:`);
    return resolve(fileURLToPath(given));
  }
  if (typeof given !== 'string') throw new TypeError(`${call}: path must be a string or a URL`);
  if (given === '' || given.includes('\0'))
    throw invalidArgument(`${call}: path is empty or holds NUL`);
  return resolve(given);
}
