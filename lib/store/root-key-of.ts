// Which root key opens a store: the one that the options name, else the default key file beside it.
import { dirname, resolve, sep } from 'node:path';
import type { Events } from '../context/events.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { createKeyFile, isExposed, isThere, keepKeyFile, newKeyFile } from '../keys/key-file.ts';
import { fetchRootKey, type OpenedRootKey, type RootKey } from '../keys/root-key.ts';

/** A root key on its way to the engine. */
export interface StoreRootKey extends OpenedRootKey {
  /** Called once a store open for writing stands, before anybody hears of it. */
  keep(): Promise<void>;
}

/** The key file that the options name, if it is one. */
export function keyFileOf(rootKey: RootKey | undefined, defaultKeyFile: string): string | null {
  if (rootKey === undefined) return defaultKeyFile;
  return typeof rootKey === 'object' && 'file' in rootKey ? resolve(rootKey.file) : null;
}

/** A disk that leaves must not carry the key to itself. */
export function refuseInside(keyFile: string, zones: readonly string[]): void {
  for (const zone of zones)
    if (keyFile.startsWith(zone + sep) || dirname(keyFile) === zone)
      throw invalidArgument(`open: the key file ${keyFile} would lie inside the zone ${zone}`);
}

/** `hint` asks the zones for theirs; null: no store there. */
export async function rootKeyOf(
  rootKey: RootKey | undefined,
  defaultKeyFile: string,
  hint: () => Promise<Uint8Array | null>,
  stored: Uint8Array | null,
  events: Events,
): Promise<StoreRootKey> {
  if (rootKey === undefined) return defaultRootKey(defaultKeyFile, hint, stored, events);
  const opened = await fetchRootKey(rootKey, stored);
  const file = keyFileOf(rootKey, defaultKeyFile);
  if (file !== null) await warnOfKeyFile(file, file, false, events);
  return { ...opened, keep: async () => {} };
}

async function defaultRootKey(
  file: string,
  hint: () => Promise<Uint8Array | null>,
  stored: Uint8Array | null,
  events: Events,
): Promise<StoreRootKey> {
  const pending = newKeyFile(file);
  if (!(await isThere(file))) {
    if (stored === null) await createKeyFile(pending);
    const opened = await fetchPending(pending, file, stored);
    if (opened !== null) {
      await warnOfKeyFile(pending, file, true, events);
      return { ...opened, keep: () => keepKeyFile(file) };
    }
  }
  // Asked again: another open may have made the store since.
  if (stored === null && (await isThere(file)) && (await hint()) === null) throw zonesAway(file);
  const opened = await fetchRootKey({ file }, stored);
  await warnOfKeyFile(file, file, true, events);
  return { ...opened, keep: async () => {} };
}

/** The key of a store in the making, by this open or by one that crashed; null: none, or kept. */
async function fetchPending(
  pending: string,
  file: string,
  stored: Uint8Array | null,
): Promise<OpenedRootKey | null> {
  if (!(await isThere(pending))) return null;
  try {
    return await fetchRootKey({ file: pending }, stored);
  } catch (error) {
    if (await isThere(file)) return null; // Another open has kept it meanwhile.
    throw error;
  }
}

/** A store stood here. In its place, say in its mount points, no empty one may be made. */
function zonesAway(file: string): StoreError {
  return new StoreError(
    'ZONE_UNAVAILABLE',
    `not one zone is there, but their key file ${file} is: mount the zones; to begin ` +
      'anew, take another path or move the key file away',
  );
}

/** `now` is where the key file lies as yet. */
async function warnOfKeyFile(
  now: string,
  file: string,
  isDefault: boolean,
  events: Events,
): Promise<void> {
  const reasons: string[] = [];
  if (isDefault) reasons.push('whoever takes the machine has both the store and its root key');
  if (await isExposed(now)) reasons.push('others than its owner may read the key file');
  if (reasons.length > 0)
    events.emit({ type: 'store:insecure-root-key', file, reason: reasons.join('; ') });
}
