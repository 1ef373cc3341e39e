// From directories to keys, and to the zones in the order of the store. A superblock is believed
// once the root key has proved it: one forged in one zone must not speak for the others.
import { join } from 'node:path';
import { StoreError } from '../errors.ts';
import { encodeHint } from '../keys/root-hint.ts';
import { fetchRootKey, type RootKey } from '../keys/root-key.ts';
import { zoneByCells } from './large-blob.ts';
import { openKeys, type StoreKeys, type Superblock } from './superblock.ts';
import type { ZoneFolder } from './zone-folder.ts';

export interface OpenedZones {
  readonly keys: StoreKeys;
  /** By their positions in the store; null: not given. */
  readonly inOrder: readonly (ZoneFolder | null)[];
  /** One zone that holds large blobs whole, whatever its rows say: a backup says what it is of. */
  readonly keepsWhole: boolean;
}

interface Proof {
  readonly folder: ZoneFolder;
  readonly slot: Superblock;
  readonly keys: StoreKeys;
}

/** WRONG_ROOT_KEY, ZONE_UNAVAILABLE, ZONE_FOREIGN, STORE_CORRUPT, STORE_VERSION. */
export async function openZones(
  folders: readonly ZoneFolder[],
  source: RootKey,
): Promise<OpenedZones> {
  const proofs = await proved(folders, source);
  const [first] = proofs as [Proof, ...Proof[]];
  for (const { folder, slot } of proofs)
    if (!slot.storeId.equals(first.slot.storeId))
      throw new StoreError('ZONE_FOREIGN', `${folder.path} belongs to another store`);
    else if (slot.zoneCount !== first.slot.zoneCount)
      throw new StoreError('ZONE_FOREIGN', `${folder.path} or another one given is a backup`);
  const inOrder: (ZoneFolder | null)[] = new Array(first.slot.zoneCount).fill(null);
  for (const { folder, slot } of standing(proofs)) {
    if (inOrder[slot.position] === null) inOrder[slot.position] = folder;
    else if (inOrder[slot.position] !== folder) folder.find('the same zone as another one given');
  }
  const known = new Set(proofs.map(({ folder }) => folder));
  await placeTheRest(
    inOrder,
    folders.filter((folder) => !known.has(folder)),
  );
  const [, , k, m] = first.slot.geometry;
  return { keys: first.keys, inOrder, keepsWhole: inOrder.length === 1 && k === 1 && m === 0 };
}

/** The zones of the newest roster first: who was replaced stands in only for who is missing. */
function standing(proofs: readonly Proof[]): Proof[] {
  const newest = proofs
    .map(({ slot }) => slot.roster)
    .reduce((a, b) => (b.since > a.since ? b : a));
  const stands = ({ slot }: Proof): boolean =>
    newest.zones[slot.position]?.equals(slot.zoneId) === true;
  for (const proof of proofs)
    if (!stands(proof)) proof.folder.find('it was replaced by another zone, or never joined');
  return [...proofs.filter(stands), ...proofs.filter((proof) => !stands(proof))];
}

/** The ruling slot of each zone that the root key proves; at least one. */
async function proved(folders: readonly ZoneFolder[], source: RootKey): Promise<Proof[]> {
  const { keyFor, forget } = rootKeys(source);
  const refusals: StoreError[] = [];
  const refuse = (error: StoreError): void => void refusals.push(error);
  const prove = async (folder: ZoneFolder): Promise<Proof | null> => {
    for (const slot of await folder.superblocks(refuse)) {
      try {
        return { folder, slot, keys: openKeys(await keyFor(slot.rootHint), slot) };
      } catch (error) {
        if (!StoreError.is(error)) throw error;
        refuse(error);
        folder.find(`superblock: ${error.message}`);
      }
    }
    return null;
  };
  try {
    const proofs: Proof[] = [];
    for (const folder of folders) {
      const proof = await prove(folder);
      if (proof !== null) proofs.push(proof);
    }
    if (proofs.length > 0) return proofs;
  } finally {
    await forget();
  }
  throw refusals[0] ?? new StoreError('ZONE_UNAVAILABLE', 'no zone has a superblock that is sound');
}

/** A passphrase makes another key of each hint; every other source has one key, taken once. */
function rootKeys(source: RootKey) {
  const isPassphrase = typeof source === 'object' && 'passphrase' in source;
  const known = new Map<string, Promise<Uint8Array>>();
  const keyFor = (hint: Buffer): Promise<Uint8Array> => {
    const name = isPassphrase ? hint.toString('hex') : '';
    const found = known.get(name);
    if (found !== undefined) return found;
    const fetching = fetchRootKey(source, isPassphrase ? hint : encodeHint(null));
    const key = fetching.then((opened) => opened.key);
    known.set(name, key);
    return key;
  };
  const forget = async (): Promise<void> => {
    for (const key of await Promise.allSettled(known.values()))
      if (key.status === 'fulfilled') key.value.fill(0);
  };
  return { keyFor, forget };
}

/** A zone without a superblock: its cells say which it is, else it stands where room is left. */
async function placeTheRest(
  inOrder: (ZoneFolder | null)[],
  rest: readonly ZoneFolder[],
): Promise<void> {
  const free = () => inOrder.flatMap((folder, position) => (folder === null ? [position] : []));
  const placed = new Set<ZoneFolder>();
  for (const folder of rest) {
    const position = await zoneByCells(join(folder.path, 'blob'), free(), inOrder.length);
    if (position === null) continue;
    inOrder[position] = folder;
    placed.add(folder);
  }
  for (const folder of rest) {
    const [position] = free();
    if (!placed.has(folder) && position !== undefined) inOrder[position] = folder;
  }
}
