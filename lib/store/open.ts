// open: from a path and options to a store. Everything that contradicts itself is refused before
// any I/O; then the root key is fetched, and the engine does the rest.
import { join } from 'node:path';
import { sweepDoomedEvents } from '../bucket/doomed-events.ts';
import { Events, type Logger } from '../context/events.ts';
import { StoreContext } from '../context/store-context.ts';
import { MemoryEngine } from '../engine/memory-engine.ts';
import type { StorageEngine } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { type RootKey, takeRootKey } from '../keys/root-key.ts';
import {
  aborted,
  booleanOption,
  checkOptions,
  checkSignal,
  functionOption,
  hear,
  integerOption,
  readOptions,
  unhear,
} from '../options.ts';
import { absolutePath } from './absolute-path.ts';
import { type Checkpoint, demandCheckpoint, readCheckpoint } from './checkpoint.ts';
import { keyFileOf, refuseInside, rootKeyOf } from './root-key-of.ts';
import { Store } from './store.ts';

export interface OpenOptions {
  /**
   * Create a missing store; a missing zone of an existing store is never created. Where all zones
   * are away but the default key file is not, nothing is created either: ZONE_UNAVAILABLE.
   * @default true
   */
  create?: boolean | undefined;
  /**
   * Needs no living writer (else STORE_LOCKED), writes not one byte, works on read-only media;
   * every write throws STORE_READ_ONLY.
   * @default false
   */
  readOnly?: boolean | undefined;
  /**
   * Let put() make a missing bucket. It is made before the body is read, and stays when that fails.
   * @default true
   */
  autoCreateBuckets?: boolean | undefined;
  /**
   * Wraps the ring key, and nothing else. An unfit key throws WRONG_ROOT_KEY.
   * @default the key file `<path>.rootkey`, mode 0600, created with the store and never inside a
   * zone, plus one `store:insecure-root-key` event
   */
  rootKey?: RootKey | undefined;
  /**
   * Zones (failure domains), one directory each. 1 makes `<path>/zone-1`, 3 makes `<path>/zone-1`
   * to `<path>/zone-3`. With explicit directories (one or three) `path` names only the store and
   * its default key file. The same directory twice, also by symlink: InvalidArgument; one device
   * for all: event `zones:shared-device`.
   * @default 1
   */
  zones?: 1 | 3 | string[] | undefined;
  /** Only when creating. */
  geometry?: Geometry | undefined;
  /** Milliseconds: the longest wait for a zone before a call goes on without it. @default 2000 */
  zoneDeadlineMs?: number | undefined;
  /** Wall time for Last-Modified. @default () => new Date() */
  clock?: (() => Date) | undefined;
  /**
   * Refuse, with STORE_ROLLED_BACK, a store that does not hold this checkpoint: one that was set
   * back to an older copy as a whole, which no zone can tell, or another. Implies that a store is
   * there: nothing is created. One that 1,000 newer ones have pushed out is CHECKPOINT_GONE.
   */
  notBefore?: Checkpoint | undefined;
  /**
   * Is told of events; the shape of pino and of console. One that throws or rejects harms nothing.
   * (Subscribers of the channel `strongroom:event` follow Node's rule: the call goes on, and what
   * they throw is an `uncaughtException`.)
   */
  logger?: Logger | undefined;
  signal?: AbortSignal | undefined;
}
/** `k+m`: k data cells and m parity cells for each stripe; the cells in one zone never exceed m. */
export interface Geometry {
  /** Blobs in the log: a copy per zone. @default '1+2' on three zones, '1+0' on one */
  small?: `1+${number}` | undefined;
  /** Blobs in files of their own. @default '4+2' on three zones, '1+0' on one */
  large?: `${number}+${number}` | undefined;
  /** Bytes of body above which a blob is large. @default 262144, one stripe of 4+2 */
  largeFrom?: number | undefined;
}

const memoryOptions = ['autoCreateBuckets', 'clock', 'logger', 'signal'] as const;
const knownMemory: ReadonlySet<string> = new Set(memoryOptions);
const known: ReadonlySet<string> = new Set([
  ...memoryOptions,
  'create',
  'readOnly',
  'rootKey',
  'zones',
  'geometry',
  'zoneDeadlineMs',
  'notBefore',
]);
const knownGeometry: ReadonlySet<string> = new Set(['small', 'large', 'largeFrom']);

/**
 * Opens a store, or creates it.
 *
 * A second open of the same zones in the process, or from a worker, attaches to the same engine
 * and hears its events; with another root key, `readOnly` or `zoneDeadlineMs`, or with some of the
 * zones only, it throws InvalidArgument.
 *
 * @throws {StoreError} InvalidArgument, STORE_LOCKED, STORE_VERSION, STORE_CORRUPT,
 * STORE_ROLLED_BACK, CHECKPOINT_GONE, WRONG_ROOT_KEY, ZONE_UNAVAILABLE, ZONE_FOREIGN, QUORUM_LOST,
 * NATIVE_LOAD_FAILED, ABORTED
 * @example
 * ```ts
 * import { open } from 'strongroom';
 *
 * await using store = await open('./data', { zones: 3 });
 * await store.bucket('docs').put('hello.txt', 'hi');
 * console.log(await (await store.bucket('docs').get('hello.txt'))?.text());
 * ```
 */
export async function open(path: string | URL, options: OpenOptions = {}): Promise<Store> {
  const plan = planOpen(path, options); // TypeError, InvalidArgument, ABORTED
  try {
    return await openPlanned(plan);
  } finally {
    if (plan.rootKey instanceof Uint8Array) plan.rootKey.fill(0);
  }
}

async function openPlanned(plan: OpenPlan): Promise<Store> {
  const { signal, logger } = plan.options;
  const events = new Events(plan.path, logger);
  const { openEmbedded, readRootHint } = await import('../engine/embedded-engine.ts');
  const readHint = () => readRootHint(plan.zones, plan.zoneDeadlineMs); // InvalidArgument
  const stored = await readHint();
  if (stored === null && !plan.create)
    throw new StoreError('ZONE_UNAVAILABLE', `there is no store at ${plan.path}`);
  const fetching = rootKeyOf(plan.rootKey, plan.defaultKeyFile, readHint, stored, events);
  const root = await orAborted(fetching, signal, ({ key }) => key.fill(0));
  try {
    const { zones, create, readOnly, zoneDeadlineMs, geometry } = plan;
    const fixed = { zones, create, readOnly, zoneDeadlineMs, ...geometry };
    const engine = await openEmbedded({ ...fixed, rootKey: root.key, rootHint: root.hint });
    try {
      if (plan.notBefore !== undefined) await demandCheckpoint(engine, plan.notBefore);
      if (!readOnly) await root.keep();
      // Only now: the store stands, so the key that it was made with must be kept anyway.
      if (signal?.aborted) throw aborted(signal);
    } catch (error) {
      await engine.close();
      throw error;
    }
    return storeOver(engine, plan.path, plan.options, events);
  } finally {
    root.key.fill(0);
  }
}

/** A key server may never answer. What it answers after all goes to `drop`. */
function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  drop: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(aborted(signal));
      promise.then(drop, () => {});
    };
    hear(signal, onAbort);
    // It may have fired before anybody listened.
    if (signal.aborted) onAbort();
    const done = () => unhear(signal, onAbort);
    promise.finally(done).then(resolve, reject);
  });
}

/**
 * Opens a store that lives in memory, for tests and examples: the same rules, nothing durable, and
 * no addon needed.
 *
 * @throws {StoreError} InvalidArgument, ABORTED
 * @example
 * ```ts
 * import { openMemory } from 'strongroom';
 *
 * await using store = await openMemory();
 * await store.bucket('docs').put('hello.txt', 'hi');
 * ```
 */
export async function openMemory(given: MemoryOptions = {}): Promise<Store> {
  const options = readOptions('openMemory', given, knownMemory);
  checkShared('openMemory', options);
  const events = new Events(':memory:', options.logger);
  return storeOver(new MemoryEngine(), ':memory:', options, events);
}
/** What of OpenOptions means something in memory. */
export type MemoryOptions = Pick<OpenOptions, (typeof memoryOptions)[number]>;

function storeOver(
  engine: StorageEngine,
  path: string,
  options: MemoryOptions,
  events: Events,
): Store {
  const { clock, autoCreateBuckets = true } = options;
  const now = clock === undefined ? Date.now : () => momentOf(clock);
  engine.onEvent((event) => events.emit(event));
  const context = new StoreContext(engine, events, { autoCreateBuckets, now });
  if (!engine.readOnly) void sweepDoomedEvents(context);
  return new Store(path, context);
}

/** Refused before it reaches the disk: no row can hold it, and no reader could make sense of it. */
function momentOf(clock: () => Date): number {
  let moment: unknown;
  let cause: unknown;
  try {
    moment = clock().getTime();
  } catch (error) {
    cause = error;
  }
  if (Number.isSafeInteger(moment) && (moment as number) >= 0) return moment as number;
  const message = 'open: clock must return a valid Date, of 1970 or later';
  throw new StoreError('InvalidArgument', message, cause === undefined ? {} : { cause });
}

interface OpenPlan {
  readonly path: string;
  readonly zones: readonly string[];
  readonly create: boolean;
  readonly readOnly: boolean;
  readonly zoneDeadlineMs: number;
  readonly notBefore: Checkpoint | undefined;
  readonly geometry: { readonly small: string; readonly large: string; readonly largeFrom: number };
  readonly defaultKeyFile: string;
  /** In memory of our own; overwritten when open() is over. */
  readonly rootKey: RootKey | undefined;
  readonly options: MemoryOptions;
}

/** No I/O: what the options say, or why they cannot be. */
function planOpen(given: string | URL, givenOptions: OpenOptions): OpenPlan {
  const options = readOptions('open', givenOptions, known);
  checkShared('open', options);
  const path = absolutePath('open', given);
  const zones = zonePaths(path, options.zones === undefined ? 1 : options.zones);
  const readOnly = booleanOption('open', 'readOnly', options.readOnly, false);
  const notBefore =
    options.notBefore === undefined
      ? undefined
      : readCheckpoint('open: notBefore', options.notBefore);
  const mayCreate = !readOnly && notBefore === undefined;
  const create = booleanOption('open', 'create', options.create, mayCreate);
  if (readOnly && create) throw invalidArgument('open: readOnly contradicts create');
  if (notBefore !== undefined && create)
    throw invalidArgument('open: notBefore contradicts create');
  const zoneDeadlineMs = integerOption(
    'open',
    'zoneDeadlineMs',
    options.zoneDeadlineMs,
    1,
    3_600_000,
  );
  const geometry = planGeometry(options.geometry ?? {}, zones.length);
  const defaultKeyFile = `${path}.rootkey`;
  const rootKey = options.rootKey === undefined ? undefined : takeRootKey(options.rootKey);
  const keyFile = keyFileOf(rootKey, defaultKeyFile);
  if (keyFile !== null) refuseInside(keyFile, zones);
  return {
    path,
    zones,
    create,
    readOnly,
    zoneDeadlineMs: zoneDeadlineMs ?? 2000,
    notBefore,
    geometry,
    defaultKeyFile,
    rootKey,
    options,
  };
}

function checkShared(call: string, options: MemoryOptions): void {
  booleanOption(call, 'autoCreateBuckets', options.autoCreateBuckets, true);
  functionOption(call, 'clock', options.clock);
  const { logger } = options;
  if (logger !== undefined && typeof logger?.warn !== 'function')
    throw new TypeError(`${call}: logger must have trace, debug, info, warn and error`);
  checkSignal(call, options.signal);
}

function zonePaths(path: string, zones: 1 | 3 | string[]): string[] {
  if (zones === 1) return [join(path, 'zone-1')];
  if (zones === 3) return [1, 2, 3].map((number) => join(path, `zone-${number}`));
  if (!Array.isArray(zones)) {
    if (typeof zones !== 'number') throw new TypeError('open: zones must be 1, 3 or an array');
    throw invalidArgument('open: zones must be 1 or 3, or name one or three directories');
  }
  if (zones.length !== 1 && zones.length !== 3)
    throw invalidArgument(`open: one or three zones make a store, not ${zones.length}`);
  const paths = zones.map((zone) => absolutePath('open', zone));
  if (new Set(paths).size < paths.length)
    throw invalidArgument('open: the same directory is given for two zones');
  return paths;
}

function planGeometry(geometry: Geometry, zones: number): OpenPlan['geometry'] {
  checkOptions('open: geometry', geometry, knownGeometry);
  const { small = zones === 3 ? '1+2' : '1+0', large = zones === 3 ? '4+2' : '1+0' } = geometry;
  const largeFrom = integerOption('open', 'geometry.largeFrom', geometry.largeFrom, 0, 1 << 20);
  checkGeometry('small', small, zones);
  // The log has the same bytes in every zone, and small blobs lie in it.
  if (small !== `1+${zones - 1}`)
    throw invalidArgument(`open: geometry.small must be 1+${zones - 1}: a copy in every zone`);
  checkGeometry('large', large, zones);
  return { small, large, largeFrom: largeFrom ?? 256 * 1024 };
}

/** So many cells lie in a zone that it may be lost: never more than there are parity cells. */
function checkGeometry(name: string, text: string, zones: number): void {
  if (typeof text !== 'string') throw new TypeError(`open: geometry.${name} must be a string`);
  const [, data, parity] = /^(\d{1,2})\+(\d{1,2})$/.exec(text) ?? [];
  const [k, m] = [Number(data), Number(parity)];
  if (!(k >= 1 && m >= 0 && k + m <= 32))
    throw invalidArgument(`open: geometry.${name} must be k+m with k + m at most 32, not ${text}`);
  if (zones > 1 && Math.ceil((k + m) / zones) > m)
    throw invalidArgument(`open: geometry.${name} ${text} does not survive the loss of a zone`);
}
