// A store as its disks tell it, without the core, without an index, and without one of its zones:
// every log is scanned, the records that link are applied in order, what is left is the store.
//
//   superblocks -> keys -> records of every zone -> the history -> rows -> objects
//
// Nothing is ever written. What is missing, rotten or forged is a finding, and the rest goes on.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeBucketRow } from '../context/bucket-row.ts';
import { StoreError } from '../errors.ts';
import { fetchRootKey, type RootKey } from '../keys/root-key.ts';
import { checkBucketName } from '../name/bucket-name.ts';
import { type History, historyTo, tipsOf } from './history.ts';
import { type Counted, readRow } from './record.ts';
import { type BucketKey, openBucketKey, type PartRow, RescuedObject } from './rescued-object.ts';
import { openKeys, type StoreKeys, type Superblock } from './superblock.ts';
import { areCellsWhole } from './tip.ts';
import { loadXxh64 } from './xxh64.ts';
import { type Finding, type FoundRecord, readAgain, ZoneFolder } from './zone-folder.ts';

export interface RescueOptions {
  /** As for open(). */
  rootKey: RootKey;
  signal?: AbortSignal;
  /** Segments of the logs that were scanned, of so many. */
  onProgress?: (done: number, total: number) => void;
}

/** Row key (as latin1, one character a byte) to row. */
type Rows = Map<string, Buffer>;

export class RescuedStore {
  /** What is missing, rotten or forged, so far: reading bodies may add to it. */
  readonly findings: readonly Finding[];
  /** Sequences of commits that no zone has any more. */
  readonly holes: readonly { readonly from: bigint; readonly to: bigint }[];
  /** How many commits and epochs were applied. */
  readonly records: number;
  readonly buckets: readonly { readonly name: string; readonly created: Date }[];
  readonly #objects: readonly RescuedObject[];

  /** Internal: see rescueStore. */
  constructor(
    findings: readonly Finding[],
    history: History<FoundRecord>,
    buckets: RescuedStore['buckets'],
    objects: readonly RescuedObject[],
  ) {
    this.findings = findings;
    this.holes = history.holes;
    this.records = history.links.length;
    this.buckets = buckets;
    this.#objects = objects;
  }

  /** Every current object, by bucket and key. */
  objects(): readonly RescuedObject[] {
    return this.#objects;
  }
}

/**
 * Reads the logs of a store's zones: all of them, or those that are left. No other process may be
 * writing the store.
 *
 * @throws {StoreError} WRONG_ROOT_KEY, STORE_VERSION; ZONE_UNAVAILABLE when no zone has a
 *   superblock, ZONE_FOREIGN when they are of several stores, ABORTED.
 */
export async function rescueStore(
  zones: readonly (string | URL)[],
  options: RescueOptions,
): Promise<RescuedStore> {
  await loadXxh64();
  const findings: Finding[] = [];
  const folders = zones.map((zone) => new ZoneFolder(pathOf(zone), findings));
  const opened = await openZones(folders, options.rootKey);
  const found = await recordsOf(folders, opened.keys, options);
  const history = await chooseHistory(found, opened.keys);
  const rows = await applied(history, opened.keys, options.signal);
  return storeOf(findings, history, rows, opened);
}

function pathOf(zone: string | URL): string {
  return resolve(zone instanceof URL ? fileURLToPath(zone) : zone);
}

interface OpenedZones {
  readonly keys: StoreKeys;
  /** By their positions in the store. */
  readonly inOrder: readonly (ZoneFolder | null)[];
}

async function openZones(folders: readonly ZoneFolder[], source: RootKey): Promise<OpenedZones> {
  const slots: { folder: ZoneFolder; slot: Superblock }[] = [];
  for (const folder of folders)
    for (const slot of await folder.superblocks()) slots.push({ folder, slot });
  const [first] = slots;
  if (first === undefined)
    throw new StoreError('ZONE_UNAVAILABLE', 'not one of the zones has a superblock that is sound');
  if (slots.some(({ slot }) => !slot.storeId.equals(first.slot.storeId)))
    throw new StoreError('ZONE_FOREIGN', 'the zones belong to several stores');
  const root = await fetchRootKey(source, first.slot.rootHint);
  let keys: StoreKeys | null = null;
  let refused: unknown;
  const inOrder: (ZoneFolder | null)[] = new Array(first.slot.zoneCount).fill(null);
  for (const { folder, slot } of slots) {
    try {
      keys ??= openKeys(root.key, slot);
      openKeys(root.key, slot); // Proves that position and count are the store's own words.
      if (!inOrder.includes(folder)) inOrder[slot.position] ??= folder;
    } catch (error) {
      refused ??= error;
      folder.find(`superblock: ${(error as Error).message}`);
    }
  }
  root.key.fill(0);
  if (keys === null) throw refused;
  placeTheRest(inOrder, folders);
  return { keys, inOrder };
}

/** A zone without a superblock stands where room is left; its cells say whether that is true. */
function placeTheRest(inOrder: (ZoneFolder | null)[], folders: readonly ZoneFolder[]): void {
  for (const folder of folders) {
    if (inOrder.includes(folder)) continue;
    const free = inOrder.indexOf(null);
    if (free >= 0) inOrder[free] = folder;
  }
}

async function recordsOf(
  folders: readonly ZoneFolder[],
  keys: StoreKeys,
  { signal, onProgress }: RescueOptions,
): Promise<FoundRecord[]> {
  const work: [ZoneFolder, number][] = [];
  for (const folder of folders)
    for (const segment of await folder.segments()) work.push([folder, segment]);
  const byHash = new Map<string, FoundRecord>();
  for (const [i, [folder, segment]] of work.entries()) {
    throwIfAborted(signal);
    for (const record of await folder.records(segment, keys)) {
      const known = byHash.get(record.hash);
      if (known === undefined) byHash.set(record.hash, record);
      else known.places.push(...record.places);
    }
    onProgress?.(i + 1, work.length);
  }
  return [...byHash.values()];
}

/**
 * The newest record counts only with every cell before it: a crash may have torn its batch, and
 * then nobody was told of it.
 */
async function chooseHistory(
  found: readonly FoundRecord[],
  keys: StoreKeys,
): Promise<History<FoundRecord>> {
  for (const tip of tipsOf(found)) {
    const history = historyTo(tip, found);
    if (tip.isEpoch || (await areCellsWhole(tip, keys))) return history;
  }
  return { links: [], holes: [] };
}

async function applied(
  history: History<FoundRecord>,
  keys: StoreKeys,
  signal: AbortSignal | undefined,
): Promise<Rows> {
  const rows: Rows = new Map();
  for (const link of history.links) {
    throwIfAborted(signal);
    if (link.isEpoch) continue;
    const { record } = await readAny(link, keys);
    if (record.kind !== 1) continue;
    for (const effect of record.transactions.flat()) {
      const key = effect.key.toString('latin1');
      if (effect.row === null) rows.delete(key);
      else rows.set(key, Buffer.from(effect.row));
    }
  }
  return rows;
}

async function readAny(link: FoundRecord, keys: StoreKeys) {
  let failure: unknown;
  for (const place of link.places) {
    try {
      return await readAgain(place, keys);
    } catch (error) {
      failure = error; // It was sound a moment ago: the disk fails, and another zone may not.
    }
  }
  throw failure;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new StoreError('ABORTED', undefined, { cause: signal.reason });
}

// ── From rows to objects

function storeOf(
  findings: Finding[],
  history: History<FoundRecord>,
  rows: Rows,
  { keys, inOrder }: OpenedZones,
): RescuedStore {
  const buckets = new Map<string, { name: string; created: Date; key: BucketKey }>();
  const parts = new Map<string, PartRow[]>();
  for (const [rowKey, row] of rows) {
    if (rowKey[0] === 'b') {
      const { body } = readRow(row);
      const { id, created, wrapped } = decodeBucketRow(body);
      const key = openBucketKey(keys, Buffer.from(id), Buffer.from(wrapped));
      const name = rowKey.slice(1);
      checkBucketName(name);
      buckets.set(Buffer.from(id).toString('latin1'), { name, created: new Date(created), key });
    } else if (rowKey[0] === 'P') {
      const list = rowKey.slice(1, 17);
      const position = Buffer.from(rowKey, 'latin1').readBigUInt64BE(17);
      const part = { position, row };
      const known = parts.get(list);
      if (known === undefined) parts.set(list, [part]);
      else known.push(part);
    }
  }
  for (const list of parts.values()) list.sort((a, b) => (a.position < b.position ? -1 : 1));
  const countedOf = (id: Buffer): Counted | undefined => {
    const row = rows.get(`B${id.toString('latin1')}`);
    return row === undefined ? undefined : readRow(row).counted;
  };
  const partsOf = (id: Buffer): readonly PartRow[] => parts.get(id.toString('latin1')) ?? [];
  const source = { storeId: keys.storeId, zones: inOrder, countedOf, partsOf };
  const objects: RescuedObject[] = [];
  for (const [rowKey, row] of rows) {
    if (rowKey[0] !== 'o') continue;
    const bucket = buckets.get(rowKey.slice(1, 9));
    if (bucket === undefined) {
      findings.push({ zone: '', what: 'an object of a bucket whose row is lost' });
      continue;
    }
    objects.push(new RescuedObject(bucket.name, rowKey, readRow(row), bucket.key, source));
  }
  objects.sort((a, b) =>
    a.bucket < b.bucket || (a.bucket === b.bucket && a.key < b.key) ? -1 : 1,
  );
  const names = [...buckets.values()].map(({ name, created }) => ({ name, created }));
  names.sort((a, b) => (a.name < b.name ? -1 : 1));
  return new RescuedStore(findings, history, names, objects);
}
