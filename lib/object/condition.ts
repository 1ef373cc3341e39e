// Conditions of HTTP (If-Match and its kin) on one object, as pure decisions. They come as options
// or as Headers; both become one Condition when the call begins, so that what a caller changes
// later changes nothing. Moments count in whole seconds, since HTTP has nothing finer.
import type { Row } from '../engine/storage-engine.ts';
import { invalidArgument } from '../errors.ts';
import { checkOptions } from '../options.ts';
import { conditionOfHeaders } from './condition-headers.ts';
import { type EntityTag, entityTag, type TagList, weakTag } from './entity-tag.ts';
import { etagOf } from './object-view.ts';
import type { GetCondition, PutCondition, RemoveCondition } from './types.ts';

/** What must hold; fields that are absent demand nothing. */
export interface Condition {
  /** The object has one of these ETags: If-Match. */
  readonly match?: TagList;
  /** The object, if there is one, has none of these ETags: If-None-Match. */
  readonly noneMatch?: TagList;
  /** Whole seconds since 1970: If-Modified-Since. */
  readonly modifiedSince?: number;
  /** Whole seconds since 1970: If-Unmodified-Since. */
  readonly unmodifiedSince?: number;
  /** x-oss-forbid-overwrite. */
  readonly absent?: true;
}

const putConditions = new Set(['absent', 'etag', 'unmodifiedSince']);
const getConditions = new Set(['etag', 'notEtag', 'modifiedSince', 'unmodifiedSince']);
const removeConditions = new Set(['etag']);

/** TypeError, InvalidArgument, NotImplemented. */
export function putCondition(call: string, given: PutCondition | Headers): Condition {
  if (isHeaders(given)) return checkWrite(call, conditionOfHeaders(call, given, 'put'));
  checkFields(call, given, putConditions);
  const { absent } = given;
  if (absent !== undefined && absent !== true)
    throw invalidArgument(`${call}: onlyIf.absent must be true or left out`);
  return checkWrite(call, { ...fields(call, given), ...(absent === true ? { absent } : {}) });
}

/** TypeError, InvalidArgument. */
export function readCondition(call: string, given: GetCondition | Headers): Condition {
  // Whatever headers say together, HTTP's order of evaluation has an answer.
  if (isHeaders(given)) return conditionOfHeaders(call, given, 'read');
  checkFields(call, given, getConditions);
  const condition = fields(call, given);
  const { match, noneMatch, modifiedSince, unmodifiedSince } = condition;
  if (match !== undefined && noneMatch !== undefined && match.some((tag) => has(noneMatch, tag)))
    throw invalidArgument(`${call}: onlyIf.etag contradicts onlyIf.notEtag`);
  if (modifiedSince !== undefined && unmodifiedSince !== undefined)
    if (modifiedSince >= unmodifiedSince)
      throw invalidArgument(`${call}: onlyIf.modifiedSince contradicts onlyIf.unmodifiedSince`);
  return condition;
}

/** TypeError, InvalidArgument, NotImplemented. */
export function removeCondition(call: string, given: RemoveCondition | Headers): Condition {
  if (isHeaders(given)) return checkWrite(call, conditionOfHeaders(call, given, 'remove'));
  checkFields(call, given, removeConditions);
  return checkWrite(call, fields(call, given));
}

/** By shape: another realm or package may have made them. */
function isHeaders(given: object): given is Headers {
  return (
    typeof given === 'object' && given !== null && typeof (given as Headers).get === 'function'
  );
}

/**
 * Whoever asks for a condition means one: `{ etag: undefined }`, where the ETag was not known after
 * all, must not become a write without any.
 */
function checkFields(call: string, given: object, known: ReadonlySet<string>): void {
  checkOptions(`${call}: onlyIf`, given, known);
  for (const name of known) if ((given as Record<string, unknown>)[name] !== undefined) return;
  throw invalidArgument(`${call}: onlyIf names no condition`);
}

function checkWrite(call: string, condition: Condition): Condition {
  const { match, noneMatch, unmodifiedSince } = condition;
  const absent = condition.absent === true || noneMatch?.includes('*') === true;
  if (absent && (match !== undefined || unmodifiedSince !== undefined))
    throw invalidArgument(`${call}: onlyIf demands an absent object and one with properties`);
  if (match !== undefined && noneMatch !== undefined && match.every((tag) => has(noneMatch, tag)))
    throw invalidArgument(`${call}: onlyIf demands and forbids the same ETag`);
  // A weak ETag names many states; whoever writes over one of them must know which.
  for (const tag of [...(match ?? []), ...(noneMatch ?? [])])
    if (weakTag(tag))
      throw invalidArgument(`${call}: onlyIf holds a weak ETag, which no write takes`);
  return condition;
}

function fields(call: string, given: GetCondition): Condition {
  const condition: { -readonly [K in keyof Condition]: Condition[K] } = {};
  const { etag, notEtag } = given;
  if (etag !== undefined) condition.match = [entityTag(`${call}: onlyIf.etag`, etag)];
  if (notEtag !== undefined) condition.noneMatch = [entityTag(`${call}: onlyIf.notEtag`, notEtag)];
  for (const name of ['modifiedSince', 'unmodifiedSince'] as const) {
    const date = given[name];
    if (date === undefined) continue;
    if (!(date instanceof Date)) throw new TypeError(`${call}: onlyIf.${name} must be a Date`);
    if (Number.isNaN(date.getTime()))
      throw invalidArgument(`${call}: onlyIf.${name} is an invalid Date`);
    condition[name] = secondsOf(date.getTime());
  }
  return condition;
}

/** Why a write must not go on, or null; `row` null: the key holds no object. */
export function writeRefusal(
  condition: Condition,
  row: Row | null,
  verb: 'put' | 'remove' = 'put',
): 'FileAlreadyExists' | 'PreconditionFailed' | null {
  const { absent, match, noneMatch, unmodifiedSince } = condition;
  const anyForbidden = absent === true || noneMatch?.includes('*') === true;
  if (anyForbidden && row !== null)
    return verb === 'put' ? 'FileAlreadyExists' : 'PreconditionFailed';
  if (match !== undefined && !(row !== null && matches(match, row))) return 'PreconditionFailed';
  // If-Match knows better than a date: RFC 9110, 13.2.2.
  if (match === undefined && unmodifiedSince !== undefined)
    if (row === null || secondsOf(row.modified) > unmodifiedSince) return 'PreconditionFailed';
  if (noneMatch !== undefined && row !== null && matches(noneMatch, row))
    return 'PreconditionFailed';
  return null;
}

/** Why a read must not be answered, or null. The order is that of RFC 9110, 13.2.2. */
export function readRefusal(
  condition: Condition,
  row: Row,
): 'PreconditionFailed' | 'NotModified' | null {
  const { match, noneMatch, modifiedSince, unmodifiedSince } = condition;
  const modified = secondsOf(row.modified);
  if (match !== undefined) {
    if (!matches(match, row)) return 'PreconditionFailed';
  } else if (unmodifiedSince !== undefined && modified > unmodifiedSince) {
    return 'PreconditionFailed';
  }
  if (noneMatch !== undefined) return matchesWeakly(noneMatch, row) ? 'NotModified' : null;
  return modifiedSince !== undefined && modified <= modifiedSince ? 'NotModified' : null;
}

/** Strong comparison: a weak ETag matches nothing. */
function matches(tags: TagList, row: Row): boolean {
  return tags.includes('*') || tags.includes(etagOf(row.blob?.id ?? null));
}

function matchesWeakly(tags: TagList, row: Row): boolean {
  const own = etagOf(row.blob?.id ?? null);
  return matches(tags, row) || tags.includes(`W/${own}`);
}

function has(tags: TagList, tag: EntityTag): boolean {
  return tags.includes('*') || tags.includes(tag);
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000);
}
