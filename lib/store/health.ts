// Health: what the engine knows of itself, in the words of an operator.
import { callBack } from '../context/events.ts';
import type { StoreContext } from '../context/store-context.ts';
import type { LogStatus, ZoneState } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import type { Progress } from '../object/progress.ts';
import {
  booleanOption,
  checkSignal,
  functionOption,
  integerOption,
  readOptions,
} from '../options.ts';
import { absolutePath } from './absolute-path.ts';
import { type DrillPhase, type DrillPlan, type DrillReport, runDrill } from './drill.ts';
import { replaceZone } from './replacing.ts';
import { Scrub, type ScrubStatus } from './scrub.ts';
import type { Store } from './store.ts';
import { runVerification, type VerifyFinding, type VerifyReport } from './verification.ts';

export type ZoneStatus = ZoneState;
export type { LogStatus, ScrubStatus };

export interface HealthStatus {
  /** Every zone is in the set and the store takes writes. */
  ok: boolean;
  /** What is not as it should be, in words. */
  degraded: string[];
  zones: ZoneStatus[];
  /** Decimal. */
  epoch: string;
  /** Decimal. */
  sequence: string;
  /** Large objects written while a zone was missing, which lack redundancy. */
  withoutRedundancy: number;
  /** Since the store was opened: reads answered without one of the zones. */
  degradedReads: number;
  /** Since the store was opened: wrong checksums, and wrong tags under right checksums. */
  rotFound: number;
  tamperingFound: number;
  /** Set aside by healing, in the zones that answer. */
  quarantined: number;
  /** What metadata and small objects take in each zone. */
  log: LogStatus;
  /** Of this handle's scrub; null while none runs. */
  scrub: ScrubStatus | null;
}

export interface HealOptions {
  signal?: AbortSignal | undefined;
  /** Bytes read from the disks, at most ten times a second and once at the end. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface VerifyOptions extends HealOptions {
  /** Of this bucket alone, each object in every zone. */
  bucket?: string | undefined;
  /**
   * Also opens every chunk of every object in every zone: finds what was changed on purpose and
   * given the checksum that it then must have. Takes the time to decrypt it all.
   * @default false
   */
  deep?: boolean | undefined;
}

const healOptions: ReadonlySet<string> = new Set(['onProgress', 'signal']);
const verifyOptions: ReadonlySet<string> = new Set(['bucket', 'deep', 'onProgress', 'signal']);
export interface DrillOptions {
  /** Which zone goes, from 1. @default any of them */
  zone?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Each step as it begins. */
  onPhase?: ((phase: DrillPhase) => void) | undefined;
}

export interface ReplaceZoneOptions {
  /** Ends the wait; what was begun goes on. */
  signal?: AbortSignal | undefined;
}

/** Bytes that looked wrong, kept in the zone's `quarantine` folder as they were. */
export interface Quarantined {
  zone: number;
  /** The file of a large object's cells, or the segment of the log and where in it. */
  what: string;
  /** As a finding's kind. */
  reason: VerifyFinding['kind'];
  since: Date;
}

export interface ScrubOptions {
  /** Read and written by it in all zones together, from 1. */
  bytesPerSecond: number;
}

const replaceOptions: ReadonlySet<string> = new Set(['signal']);
/** Of a zone's quarantine, asked for at once. */
const pageMax = 256;
const scrubOptions: ReadonlySet<string> = new Set(['bytesPerSecond']);
const drillOptions: ReadonlySet<string> = new Set(['onPhase', 'signal', 'zone']);

export class Health {
  readonly #context: StoreContext;
  readonly #store: Store;
  readonly #scrub: Scrub;

  /** @internal */
  constructor(context: StoreContext, store: Store) {
    this.#context = context;
    this.#store = store;
    this.#scrub = new Scrub(context);
  }

  /**
   * Takes a zone away as if its disk had failed, reads and writes without it, brings it back, waits
   * until it is whole, and verifies every zone. The store is in use all the while; one more zone
   * that fails meanwhile stops the writes. The drill writes to a bucket of its own, and deletes it.
   * @throws {StoreError} InvalidArgument without three zones, ZONE_UNAVAILABLE unless all are
   * whole, ABORTED, STORE_CLOSED, STORE_READ_ONLY
   * @example
   * const { ok, longestWaitMs } = await store.health.drill({ zone: 2 });
   */
  async drill(options: DrillOptions = {}): Promise<DrillReport> {
    const { zone, signal, onPhase } = readOptions('drill', options, drillOptions);
    functionOption('drill', 'onPhase', onPhase);
    checkSignal('drill', signal);
    const { events, engine } = this.#context;
    const plan: DrillPlan = {
      zone,
      signal,
      onPhase: (phase) =>
        callBack(
          () => onPhase?.(phase),
          (error) => events.callbackFailed('onPhase', error),
        ),
      verify: async () => {
        const { findings } = await this.verify({ signal });
        return findings.map(({ kind, zone, what }) => `${kind}: zone ${zone ?? '?'}: ${what}`);
      },
    };
    this.#context.enter();
    try {
      return await runDrill(this.#store, engine, plan);
    } finally {
      this.#context.leave();
    }
  }

  /**
   * Looks at every byte that counts, in every zone of the set, past the page cache: each record of
   * the logs with its seal and its chain, each cell of each object, each row. Changes nothing.
   * What it finds is also told as `rot` and `tampering` events.
   * @throws {StoreError} NoSuchBucket, ABORTED, STORE_CLOSED
   * @example
   * const { found, findings } = await store.health.verify();
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const { bucket, deep, signal, onProgress } = readOptions('verify', options, verifyOptions);
    if (bucket !== undefined && typeof bucket !== 'string')
      throw new TypeError('verify: bucket must be a string');
    booleanOption('verify', 'deep', deep, false);
    functionOption('verify', 'onProgress', onProgress);
    checkSignal('verify', signal);
    const plan = { bucket, deep, signal, onProgress, heal: false, bytesPerSecond: 0 };
    return runVerification(this.#context, plan);
  }

  /**
   * The same, and puts right in one zone what is right in others. What lay there is moved or copied
   * to the zone's `quarantine` folder first; what was written is read back from the disk before it
   * counts as healed. Where cells contradict each other under right checksums, every object is
   * opened to tell who lies.
   * @throws {StoreError} ABORTED, STORE_CLOSED, STORE_READ_ONLY
   * @example
   * const { healed, unrecoverable } = await store.health.heal();
   */
  async heal(options: HealOptions = {}): Promise<VerifyReport> {
    const { signal, onProgress } = readOptions('heal', options, healOptions);
    functionOption('heal', 'onProgress', onProgress);
    checkSignal('heal', signal);
    return runVerification(this.#context, { signal, onProgress, heal: true, bytesPerSecond: 0 });
  }

  /**
   * The state of the zones and what was counted since open().
   * @throws {StoreError} STORE_CLOSED
   */
  async status(): Promise<HealthStatus> {
    this.#context.enter();
    try {
      const { epoch, sequence, zones, readOnlyReason, counters, log } =
        this.#context.engine.status();
      const degraded = zones.filter(isDegraded).map(describe);
      if (readOnlyReason !== null) degraded.push(`no writes: ${readOnlyReason}`);
      if (log.blocked !== null) degraded.push(`the log is not compacted: ${log.blocked}`);
      const { withoutRedundancy, degradedReads, rotFound, tamperingFound } = counters;
      return {
        ok: degraded.length === 0,
        degraded,
        zones: [...zones],
        epoch: String(epoch),
        sequence: String(sequence),
        withoutRedundancy,
        degradedReads,
        rotFound,
        tamperingFound,
        quarantined: await this.#quarantined(zones),
        log,
        scrub: this.#scrub.status,
      };
    } finally {
      this.#context.leave();
    }
  }

  /**
   * heal() in the background, round after round with a minute between them, until 'pause', another
   * call or close(). It keeps to the rate, fails no call and keeps no process alive; what it found
   * is told by events and by status(). Nobody waits for it: verify() and heal() go on beside it.
   * It begins anew after each 'pause' and open().
   * @throws {StoreError} InvalidArgument, STORE_CLOSED, STORE_READ_ONLY
   * @example
   * await store.health.scrub({ bytesPerSecond: 10_000_000 });
   * const { scrub } = await store.health.status();
   * await store.health.scrub('pause');
   */
  async scrub(options: ScrubOptions | 'pause'): Promise<void> {
    if (options === 'pause') return this.#scrub.pause();
    const given = readOptions('scrub', options, scrubOptions);
    const rate = integerOption('scrub', 'bytesPerSecond', given.bytesPerSecond, 1);
    if (rate === undefined) throw new TypeError('scrub: bytesPerSecond must be a number');
    if (this.#context.engine.readOnly) throw new StoreError('STORE_READ_ONLY');
    await this.#scrub.begin(rate);
  }

  /**
   * Makes a new zone in an empty folder and puts it into the place of one whose disk is gone, or
   * shall go: that one is out for good, whatever it holds. The store serves meanwhile. Resolves
   * when the new zone has everything; it counts from `zone:returned` on. **The next open() is given
   * its path**; with the old one it is refused. What was cut short does not count, and another call
   * with the same folder goes on with it.
   * @throws {StoreError} ZONE_UNAVAILABLE unless every other zone is in the set, and while a thread
   * hangs in the old disk (open the store with the new path then, and replace); InvalidArgument:
   * the folder is not empty, or there is one zone; STORE_LOCKED, STORE_FULL, ABORTED, STORE_CLOSED,
   * STORE_READ_ONLY
   * @example
   * await store.health.replaceZone(3, '/mnt/new-disk/zone');
   */
  async replaceZone(
    zone: number,
    path: string | URL,
    options: ReplaceZoneOptions = {},
  ): Promise<void> {
    const { signal } = readOptions('replaceZone', options, replaceOptions);
    checkSignal('replaceZone', signal);
    const folder = absolutePath('replaceZone', path);
    const { zones } = this.#context.engine.status();
    const number = integerOption('replaceZone', 'zone', zone, 1, zones.length);
    if (number === undefined) throw new TypeError('replaceZone: zone must be a number');
    await replaceZone(this.#context, number, folder, signal);
  }

  /**
   * What healing set aside: nothing is ever deleted because it looks wrong. Whoever has seen to it
   * may delete the files. Zone by zone; one that does not answer is an error at its turn.
   * @throws {StoreError} ZONE_UNAVAILABLE, STORE_CLOSED
   * @example
   * for await (const { zone, what, reason, since } of store.health.quarantine())
   *   console.log(zone, what, reason, since);
   */
  async *quarantine(): AsyncGenerator<Quarantined, void, undefined> {
    const { engine } = this.#context;
    for (const { number: zone } of engine.status().zones) {
      let after = '';
      for (;;) {
        const from = after;
        const { page } = await this.#context.step(() => engine.quarantine(zone, from, pageMax));
        for (const { what, reason, since } of page)
          yield { zone, what, reason, since: new Date(since) };
        if (page.length < pageMax) break;
        after = page.at(-1)?.name ?? '';
      }
    }
  }

  /** What a zone that does not answer holds is not counted. */
  async #quarantined(zones: readonly ZoneState[]): Promise<number> {
    const { engine } = this.#context;
    const counted = await Promise.all(
      zones.map(({ number }) => engine.quarantine(number, '', 0).catch(() => null)),
    );
    return counted.reduce((sum, each) => sum + (each?.total ?? 0), 0);
  }

  /**
   * Gives the disks back what was overwritten and removed before the call, at once and at full
   * speed. The store does so by itself once the log takes twice what lives in it.
   * @throws {StoreError} STORE_CLOSED, STORE_READ_ONLY; STORE_CORRUPT, DECRYPT_FAILED: something
   *   that lives cannot be carried forward, and nothing was given back for it; those of a write.
   */
  async compact(): Promise<void> {
    this.#context.enter();
    try {
      await this.#context.engine.compact();
    } finally {
      this.#context.leave();
    }
  }
}

function isDegraded(zone: ZoneState): boolean {
  return zone.state !== 'ok' || !zone.inSet;
}

function describe({ number, state, inSet, reason }: ZoneState): string {
  const set = inSet ? '' : ', outside the set';
  return `zone ${number} is ${state}${set}${reason === undefined ? '' : `: ${reason}`}`;
}
