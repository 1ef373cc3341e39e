// A store as its disks tell it, without the core, without an index, and without one of its zones:
// every log is scanned, the records that link are applied in order, what is left is the store.
//
//   superblocks -> keys -> records of every zone -> the history -> rows -> objects
//
// Nothing is ever written. What is missing, rotten or forged is a finding, and the rest goes on.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError } from '../errors.ts';
import type { RootKey } from '../keys/root-key.ts';
import { forkOf, type History } from './history.ts';
import { openZones } from './opened-zones.ts';
import type { RescuedObject } from './rescued-object.ts';
import { type Rows, tellObjects } from './rows.ts';
import type { StoreKeys } from './superblock.ts';
import { chooseHistory } from './tip.ts';
import { loadXxh64 } from './xxh64.ts';
import { type Finding, type FoundRecord, readAgain, ZoneFolder } from './zone-folder.ts';

export interface RescueOptions {
  /** As for open(). */
  rootKey: RootKey;
  signal?: AbortSignal;
  /** Segments of the logs that were scanned, of so many. */
  onProgress?: (done: number, total: number) => void;
}

export interface Losses {
  /** Sequences of commits that no zone has any more: from `from` on, up to and without `to`. */
  readonly holes: readonly { readonly from: bigint; readonly to: bigint }[];
  /** Log segments of which blocks cannot be read in any zone: what stood there is not known. */
  readonly unreadable: readonly number[];
  /** Commits of another history: the store was copied, and both lived on. */
  readonly forked: number;
  /** Objects of which the row does not parse, or that of their bucket is lost. */
  readonly rows: number;
}

export class RescuedStore {
  /** What is missing, rotten or forged. */
  readonly findings: readonly Finding[];
  /** What of the log is lost for good. */
  readonly losses: Losses;
  /** How many commits and epochs were applied. */
  readonly records: number;
  readonly buckets: readonly { readonly name: string; readonly created: Date }[];
  readonly #objects: readonly RescuedObject[];

  /** Internal: see rescueStore. */
  constructor(
    findings: readonly Finding[],
    losses: Losses,
    records: number,
    buckets: RescuedStore['buckets'],
    objects: readonly RescuedObject[],
  ) {
    this.findings = findings;
    this.losses = losses;
    this.records = records;
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
  const { records, unreadable } = await recordsOf(folders, opened.keys, options);
  const history = await chooseHistory(records, opened.keys, findings);
  const forked = forkOf(history, records);
  tellOfForks(forked, findings);
  const rows = await applied(history, opened.keys, options.signal);
  const { buckets, objects, lost } = tellObjects(rows, opened, findings);
  const losses = { holes: history.holes, unreadable, forked: forked.length, rows: lost };
  return new RescuedStore(findings, losses, history.links.length, buckets, objects);
}

/** One finding for each zone that holds commits of another history. */
function tellOfForks(forked: readonly FoundRecord[], findings: Finding[]): void {
  const counts = new Map<string, number>();
  for (const { places } of forked)
    for (const { zone } of places) counts.set(zone.path, (counts.get(zone.path) ?? 0) + 1);
  for (const [zone, count] of counts)
    findings.push({ zone, what: `${count} commits of another history of this store: a fork` });
}

function pathOf(zone: string | URL): string {
  return resolve(zone instanceof URL ? fileURLToPath(zone) : zone);
}

interface Found {
  readonly records: readonly FoundRecord[];
  /** Segments of which some block cannot be read in any zone that has them. */
  readonly unreadable: readonly number[];
}

async function recordsOf(
  folders: readonly ZoneFolder[],
  keys: StoreKeys,
  { signal, onProgress }: RescueOptions,
): Promise<Found> {
  const work: [ZoneFolder, number][] = [];
  for (const folder of folders)
    for (const segment of await folder.segments()) work.push([folder, segment]);
  const byHash = new Map<string, FoundRecord>();
  const isRead = new Map<number, boolean>();
  for (const [i, [folder, segment]] of work.entries()) {
    throwIfAborted(signal);
    const { records, isWhole } = await folder.records(segment, keys);
    isRead.set(segment, isWhole || isRead.get(segment) === true);
    for (const record of records) {
      const known = byHash.get(record.hash);
      if (known === undefined) byHash.set(record.hash, record);
      else known.places.push(...record.places);
    }
    onProgress?.(i + 1, work.length);
  }
  const unreadable = [...isRead].flatMap(([segment, read]) => (read ? [] : [segment]));
  return { records: [...byHash.values()], unreadable };
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
