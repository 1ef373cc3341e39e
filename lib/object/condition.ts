// Conditions of HTTP (If-Match and its kin) on one object, as pure decisions. ETags count with and
// without double quotes, and moments count in whole seconds, since HTTP has nothing finer.
import type { Row } from '../engine/storage-engine.ts';
import { invalidArgument } from '../errors.ts';
import { checkOptions } from '../options.ts';
import { etagOf } from './object-view.ts';
import type { GetCondition, PutCondition } from './types.ts';

const putConditions = new Set(['absent', 'etag', 'unmodifiedSince']);
const getConditions = new Set(['etag', 'notEtag', 'modifiedSince', 'unmodifiedSince']);
const removeConditions = new Set(['etag']);

export function checkPutCondition(condition: PutCondition): void {
  checkOptions('put: onlyIf', condition, putConditions);
  const { absent, etag, unmodifiedSince } = condition;
  if (absent !== undefined && absent !== true)
    throw invalidArgument('put: onlyIf.absent must be true or left out');
  if (absent && (etag !== undefined || unmodifiedSince !== undefined))
    throw invalidArgument('put: onlyIf.absent contradicts the other conditions');
  checkFields('put', condition);
}

export function checkGetCondition(condition: GetCondition): void {
  checkOptions('get: onlyIf', condition, getConditions);
  checkFields('get', condition);
}

export function checkRemoveCondition(condition: { etag: string }): void {
  checkOptions('remove: onlyIf', condition, removeConditions);
  checkFields('remove', condition);
}

function checkFields(call: string, condition: GetCondition): void {
  for (const name of ['etag', 'notEtag'] as const)
    if (condition[name] !== undefined && typeof condition[name] !== 'string')
      throw new TypeError(`${call}: onlyIf.${name} must be a string`);
  for (const name of ['modifiedSince', 'unmodifiedSince'] as const) {
    const date = condition[name];
    if (date === undefined) continue;
    if (!(date instanceof Date)) throw new TypeError(`${call}: onlyIf.${name} must be a Date`);
    if (Number.isNaN(date.getTime()))
      throw invalidArgument(`${call}: onlyIf.${name} is an invalid Date`);
  }
}

/** Why a write must not go on, or null; `row` null: the key holds no object. */
export function writeRefusal(
  condition: PutCondition,
  row: Row | null,
): 'FileAlreadyExists' | 'PreconditionFailed' | null {
  const { absent, etag, unmodifiedSince } = condition;
  if (absent && row !== null) return 'FileAlreadyExists';
  if (etag !== undefined && !(row !== null && sameEtag(row, etag))) return 'PreconditionFailed';
  if (unmodifiedSince !== undefined && (row === null || isAfter(row, unmodifiedSince)))
    return 'PreconditionFailed';
  return null;
}

/** Why a read must not be answered, or null. The order is that of RFC 9110, 13.2.2. */
export function readRefusal(
  condition: GetCondition,
  row: Row,
): 'PreconditionFailed' | 'NotModified' | null {
  const { etag, notEtag, modifiedSince, unmodifiedSince } = condition;
  if (etag !== undefined && !sameEtag(row, etag)) return 'PreconditionFailed';
  if (etag === undefined && unmodifiedSince !== undefined && isAfter(row, unmodifiedSince))
    return 'PreconditionFailed';
  if (notEtag !== undefined && sameEtag(row, notEtag)) return 'NotModified';
  if (notEtag === undefined && modifiedSince !== undefined && !isAfter(row, modifiedSince))
    return 'NotModified';
  return null;
}

function sameEtag(row: Row, etag: string): boolean {
  const own = etagOf(row.blob?.id ?? null);
  return etag === '*' || etag === own || `"${etag}"` === own;
}

function isAfter(row: Row, date: Date): boolean {
  return Math.floor(row.modified / 1000) > Math.floor(date.getTime() / 1000);
}
