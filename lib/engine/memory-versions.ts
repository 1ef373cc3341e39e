// The versions of an object in a MemoryEngine: under which keys they lie, and their common order.
//
// Row keys are latin1 strings here: one character per byte, so `<` on them is memcmp.
import type { MemoryRows } from './memory-rows.ts';
import { latin1, type StoredRow } from './memory-scan.ts';
import { encodeVersion, versionSize } from './row-key.ts';

const standingEnd = '\xff'.repeat(versionSize);

export interface ShownVersion {
  /** The key in the order of a scan of versions. */
  readonly shown: string;
  readonly stored: StoredRow;
}

/** The first row at or behind `at` in the order of a scan of versions. */
export function versionFrom(rows: MemoryRows, at: string): ShownVersion | null {
  let standing = rows.from(at);
  // It is shown before where it lies.
  if (standing !== undefined && shownStanding(rows, standing) < at)
    standing = rows.from(`${standing}\0`);
  const kept = rows.from(at[0] === 'o' ? `v${at.slice(1)}` : 'w');
  const found: ShownVersion[] = [];
  if (standing?.[0] === 'o')
    found.push({ shown: shownStanding(rows, standing), stored: rows.get(standing) as StoredRow });
  if (kept?.[0] === 'v')
    found.push({ shown: `o${kept.slice(1)}`, stored: rows.get(kept) as StoredRow });
  found.sort((a, b) => (a.shown < b.shown ? -1 : 1));
  return found[0] ?? null;
}

export function isStandingKey(key: string): boolean {
  return key[0] === 'o' && key.endsWith(standingEnd);
}

export function hasVersions(key: string): boolean {
  return key[0] === 'v' || isStandingKey(key);
}

export function standingKeyOf(key: string): string {
  return `o${key.slice(1, -versionSize)}${standingEnd}`;
}

/** With its own version where it ends. */
function shownStanding(rows: MemoryRows, key: string): string {
  if (!isStandingKey(key)) return key;
  return `o${versionKeyOf(key, rows.get(key)?.row.version ?? 0).slice(1)}`;
}

export function versionKeyOf(key: string, version: number): string {
  return `v${key.slice(1, -versionSize)}${latin1(encodeVersion(version))}`;
}
