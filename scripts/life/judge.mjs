// What was found in a store beside what it must hold.
import { hashOfPieces, sizeOf } from './rules.mjs';

/**
 * `rows` becomes what was found, so far as that is no fault: of what was in flight, that which
 * happened; labels that nobody had been told.
 * @param rows what was acknowledged, by the names of rules.mjs
 * @param pending the changes of each step that was not answered: each is there whole, or not at all
 * @param found the same names, as verbs.mjs tells them
 * @returns {{kind: 'lost'|'torn'|'resurrected', row: string}[]}
 */
export function faultsIn(rows, pending, found) {
  const faults = [];
  const torn = new Set();
  for (const changes of pending.map((each) => named(each, rows, found))) {
    if (changes.every(([row, after]) => isNow(found.get(row), after, rows.get(row))))
      for (const [row, after] of changes) apply(rows, row, after);
    else if (!changes.every(([row]) => isRow(found.get(row), rows.get(row)))) {
      faults.push({ kind: 'torn', row: changes.map(([row]) => row).join(', ') });
      for (const [row] of changes) torn.add(row);
    }
  }
  for (const [row, known] of rows) {
    const now = found.get(row);
    if (!torn.has(row) && !isRow(now, known)) faults.push({ kind: 'lost', row });
    else if (now?.etag && known.etag === null) rows.set(row, { ...known, etag: now.etag });
  }
  for (const row of found.keys())
    if (!rows.has(row) && !torn.has(row)) faults.push({ kind: 'resurrected', row });
  return faults;
}

export function apply(rows, row, after) {
  if (after === null) rows.delete(row);
  else rows.set(row, after);
}

/** An upload that nobody was told of has an id all the same. */
function named(changes, rows, found) {
  return changes.map(([row, after]) => {
    if (!row.endsWith('/?')) return [row, after];
    const isIt = ([name, { key }]) =>
      name.startsWith(row.slice(0, -1)) && !rows.has(name) && key === after.key;
    return [[...found].find(isIt)?.[0] ?? row, after];
  });
}

/** What is written anew has a label of its own: bytes alone may be as they were. */
function isNow(now, after, before) {
  return isRow(now, after) && !(after?.etag === null && before?.etag && now.etag === before.etag);
}

function isRow(now, row) {
  if (!row || !now) return !row && !now;
  if (row.pieces === undefined) return now.key === row.key;
  const { etag, type, tags, metadata } = row;
  const same = (a, b) => b === undefined || isSame(a, b);
  return (
    now.size === sizeOf(row) &&
    (etag === null || now.etag === etag) &&
    (now.hash === undefined || now.hash === hashOfPieces(row)) &&
    now.type === type &&
    same(now.tags, tags) &&
    same(now.metadata, metadata)
  );
}

/** As JSON; the order of names says nothing. A null label stands for any. */
export function isSame(now, expected, name = '') {
  if (name === 'etag' && expected === null) return /^"[0-9A-F]{32}"$/.test(now);
  if (name === 'uploadId' && expected === null) return /^[0-9A-F]{32}$/.test(now);
  if (typeof expected !== 'object' || expected === null || typeof now !== 'object' || now === null)
    return (now ?? null) === (expected ?? null);
  const names = Object.keys(expected);
  if (Object.keys(now).length !== names.length) return false;
  return names.every((each) => each in now && isSame(now[each], expected[each], each));
}
