// Ranges of an object, in the forms of HTTP: from an offset, or so many bytes from the end.
import { invalidArgument } from '../errors.ts';
import { checkOptions } from '../options.ts';
import type { Range } from './types.ts';

/** What was asked for, before the size is known. */
export type AskedRange =
  | { readonly offset: number; readonly length: number | undefined }
  | { readonly suffix: number };

const known: ReadonlySet<string> = new Set(['offset', 'length', 'suffix']);

/** TypeError for what is no range; InvalidArgument for what no range can be. */
export function parseRange(range: Range): AskedRange {
  if (typeof range === 'string') return parseHeader(range);
  checkOptions('range', range, known);
  const { offset, length, suffix } = range as Record<string, unknown>;
  if (suffix !== undefined) {
    if (offset !== undefined || length !== undefined)
      throw invalidArgument('range: suffix contradicts offset and length');
    return { suffix: bytes('suffix', suffix) };
  }
  if (offset === undefined && length === undefined)
    throw invalidArgument('range: offset, length or suffix must be given');
  return {
    offset: offset === undefined ? 0 : bytes('offset', offset),
    length: length === undefined ? undefined : bytes('length', length),
  };
}

/** `bytes=first-last`, `bytes=first-` or `bytes=-suffix`; several ranges are not served. */
function parseHeader(header: string): AskedRange {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === undefined || last === undefined || first + last === '')
    throw invalidArgument(
      'range: the text must be one range like bytes=0-99, bytes=100- or bytes=-5',
    );
  if (first === '') return { suffix: bytes('suffix', Number(last)) };
  const offset = bytes('offset', Number(first));
  if (last === '') return { offset, length: undefined };
  const end = bytes('end', Number(last));
  if (end < offset) throw invalidArgument('range: the end lies before the beginning');
  return { offset, length: Math.min(end - offset + 1, Number.MAX_SAFE_INTEGER) };
}

function bytes(name: string, value: unknown): number {
  if (typeof value !== 'number') throw new TypeError(`range: ${name} must be a number`);
  if (!Number.isSafeInteger(value) || value < 0)
    throw invalidArgument(`range: ${name} must be an integer from 0 to 2^53 - 1, not ${value}`);
  return value;
}
