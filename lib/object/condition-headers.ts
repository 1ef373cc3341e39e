// Conditions as a request's headers carry them. Headers that are no conditions are left alone, so a
// server can hand over all that it was sent.
import { invalidArgument, StoreError } from '../errors.ts';
import type { Condition } from './condition.ts';
import { entityTags } from './entity-tag.ts';

/**
 * InvalidArgument for an ETag or a date that cannot be read, and NotImplemented, as in OSS, for a
 * write that may only happen if something was modified.
 */
export function conditionOfHeaders(
  call: string,
  headers: Headers,
  verb: 'put' | 'read' | 'remove',
): Condition {
  const condition: { -readonly [K in keyof Condition]: Condition[K] } = {};
  const match = headers.get('if-match');
  const noneMatch = headers.get('if-none-match');
  const modifiedSince = headers.get('if-modified-since');
  const unmodifiedSince = headers.get('if-unmodified-since');
  if (match !== null) condition.match = entityTags(`${call}: If-Match`, match);
  if (noneMatch !== null) condition.noneMatch = entityTags(`${call}: If-None-Match`, noneMatch);
  if (modifiedSince !== null) {
    if (verb !== 'read')
      throw new StoreError('NotImplemented', `${call}: If-Modified-Since is for reads`);
    condition.modifiedSince = httpSeconds(`${call}: If-Modified-Since`, modifiedSince);
  }
  if (unmodifiedSince !== null)
    condition.unmodifiedSince = httpSeconds(`${call}: If-Unmodified-Since`, unmodifiedSince);
  if (verb === 'put' && forbidsOverwrite(call, headers)) condition.absent = true;
  return condition;
}

function forbidsOverwrite(call: string, headers: Headers): boolean {
  const text = headers.get('x-oss-forbid-overwrite')?.toLowerCase();
  if (text !== undefined && text !== 'true' && text !== 'false')
    throw invalidArgument(`${call}: x-oss-forbid-overwrite must be true or false`);
  return text === 'true';
}

const rfc850 = /^[A-Z][a-z]+day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d:\d\d:\d\d) GMT$/;
const asctime = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/;

/** One of the three forms of a date in HTTP, in seconds since 1970; InvalidArgument otherwise. */
function httpSeconds(what: string, text: string): number {
  const form = fromRfc850(text) ?? fromAsctime(text) ?? text;
  const time = Date.parse(form);
  // Date.parse() takes much that is no date of HTTP, and rolls 31 February over to March.
  const known = !Number.isNaN(time) && new Date(time).toUTCString().slice(5) === form.slice(5);
  if (!known || !/^[A-Z][a-z]{2}, /.test(form))
    throw invalidArgument(`${what} must be a date of HTTP, like Sun, 06 Nov 1994 08:49:37 GMT`);
  return time / 1000;
}

/** Of the two centuries a year of two digits may mean, the one that is not over 50 years ahead. */
function fromRfc850(text: string): string | null {
  const [, day, month, digits, time] = rfc850.exec(text) ?? [];
  if (day === undefined) return null;
  const now = new Date().getUTCFullYear();
  const near = now - (now % 100) + Number(digits);
  const year = near > now + 50 ? near - 100 : near;
  return `${text.slice(0, 3)}, ${day} ${month} ${year} ${time} GMT`;
}

function fromAsctime(text: string): string | null {
  const [, month, day, time, year] = asctime.exec(text) ?? [];
  if (day === undefined) return null;
  return `${text.slice(0, 3)}, ${day.replace(' ', '0')} ${month} ${year} ${time} GMT`;
}
