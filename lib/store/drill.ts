// The drill: one zone is taken away as if its disk had failed; reads and writes go on; it is
// brought back, healed, and every zone is looked at byte by byte. What is promised of the loss of a
// zone, tried on the store itself.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import type { StorageEngine } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { aborted, integerOption } from '../options.ts';
import type { Bucket } from './bucket.ts';
import type { Store } from './store.ts';

export interface DrillReport {
  /** Nothing was lost, no call failed, and the zone is whole again. */
  ok: boolean;
  zone: number;
  reads: number;
  /** Reads that were answered without the zone. */
  degradedReads: number;
  writes: number;
  /** Objects that did not read as before. */
  lost: number;
  /** Longest wait of any call. */
  longestWaitMs: number;
  /** What failed, in words. */
  failures: string[];
}

export interface DrillPlan {
  readonly zone: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onPhase: (phase: DrillPhase) => void;
  /** Looks at every byte of every zone; what it found, in words. */
  readonly verify: () => Promise<string[]>;
}
export type DrillPhase = 'sampling' | 'zone away' | 'zone returning' | 'verifying';

/** Objects of the store that are read again and again, and how many bytes of them in all. */
const sampleMax = 200;
const sampleBytesMax = 64 * 1024 * 1024;
const rounds = 3;
const failuresMax = 20;
/** For the zone to be whole again: an hour without news is no healing. */
const patienceMs = 3_600_000;
const lookMs = 100;

interface Sample {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly digest: string;
}

export async function runDrill(
  store: Store,
  engine: StorageEngine,
  plan: DrillPlan,
): Promise<DrillReport> {
  const zones = engine.status().zones.length;
  if (zones < 3) throw invalidArgument('a drill takes three zones: here none is to spare');
  const zone = integerOption('drill', 'zone', plan.zone, 1, zones) ?? randomInt(zones) + 1;
  const drill = new Drill(store, plan.signal);
  const degradedBefore = engine.status().counters.degradedReads;
  plan.onPhase('sampling');
  await drill.begin();
  let degradedReads = 0;
  try {
    await engine.takeZoneAway(zone);
    try {
      plan.onPhase('zone away');
      await drill.goOn();
    } finally {
      degradedReads = engine.status().counters.degradedReads - degradedBefore;
      engine.bringZoneBack(zone);
    }
    plan.onPhase('zone returning');
    await drill.untilWhole(engine, zone);
    await drill.goOn();
    plan.onPhase('verifying');
    for (const finding of await plan.verify()) drill.fail(finding);
  } finally {
    await drill.end();
  }
  const { reads, writes, lost, longestWaitMs, failures } = drill;
  const ok = lost === 0 && failures.length === 0;
  return { ok, zone, reads, degradedReads, writes, lost, longestWaitMs, failures };
}

class Drill {
  reads = 0;
  writes = 0;
  lost = 0;
  longestWaitMs = 0;
  readonly failures: string[] = [];
  readonly #store: Store;
  readonly #signal: AbortSignal | undefined;
  readonly #samples: Sample[] = [];
  /** Of the drill alone; gone when it ends. */
  readonly #bucket: Bucket;

  constructor(store: Store, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
    this.#bucket = store.bucket(`strongroom-drill-${randomBytes(6).toString('hex')}`);
  }

  async begin(): Promise<void> {
    await this.#store.createBucket(this.#bucket.name);
    await this.#write(0);
    let bytes = 0;
    for await (const { name } of this.#store.buckets()) {
      for await (const { key, size } of this.#store.bucket(name).list()) {
        if (this.#samples.length >= sampleMax) return;
        if (bytes + size > sampleBytesMax) continue;
        bytes += size;
        await this.#sample(name, key);
      }
    }
  }

  /** Reads what was there, writes, and reads what was written. */
  async goOn(): Promise<void> {
    for (let round = 1; round <= rounds; round++) {
      await this.#write(round);
      for (const sample of [...this.#samples]) await this.#read(sample);
    }
  }

  async untilWhole(engine: StorageEngine, zone: number): Promise<void> {
    const until = performance.now() + patienceMs;
    for (;;) {
      const it = engine.status().zones.find((each) => each.number === zone);
      if (it?.state === 'ok') return;
      if (performance.now() > until)
        return this.fail(`zone ${zone} is ${it?.state}: ${it?.reason}`);
      this.#refuseAborted();
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  fail(what: string): void {
    if (this.failures.length < failuresMax) this.failures.push(what);
  }

  /** Whatever happened: the drill's own bucket goes. */
  async end(): Promise<void> {
    try {
      await this.#bucket.delete({ force: true });
    } catch (error) {
      this.fail(`the drill's bucket ${this.#bucket.name} stays: ${String(error)}`);
    }
  }

  async #sample(bucket: string, key: string): Promise<void> {
    const body = await this.#store.bucket(bucket).get(key);
    if (body === null) return;
    const digest = digestOf(await body.bytes());
    this.#samples.push({ bucket, key, etag: body.etag, digest });
  }

  async #read({ bucket, key, etag, digest }: Sample): Promise<void> {
    this.#refuseAborted();
    try {
      const body = await this.#timed(() => this.#store.bucket(bucket).get(key));
      // Removed or written anew by others meanwhile: that is no loss.
      if (body === null || body.etag !== etag) return await body?.[Symbol.asyncDispose]();
      this.reads++;
      if (digestOf(await this.#timed(() => body.bytes())) !== digest) this.#lose(bucket, key);
    } catch (error) {
      if (StoreError.is(error, 'NoSuchBucket')) return;
      this.#lose(bucket, key, error);
    }
  }

  #lose(bucket: string, key: string, error?: unknown): void {
    this.lost++;
    this.fail(`${bucket}/${key}: ${error === undefined ? 'other bytes' : String(error)}`);
  }

  /** One small object and one in files of its own. */
  async #write(round: number): Promise<void> {
    for (const size of [1000, 600_000]) {
      this.#refuseAborted();
      const key = `${round}-${size}-${this.writes}`;
      const bytes = randomBytes(size);
      try {
        const { etag } = await this.#timed(() => this.#bucket.put(key, bytes));
        this.writes++;
        this.#samples.push({ bucket: this.#bucket.name, key, etag, digest: digestOf(bytes) });
      } catch (error) {
        this.fail(`a write failed: ${String(error)}`);
      }
    }
  }

  async #timed<T>(call: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await call();
    } finally {
      this.longestWaitMs = Math.max(this.longestWaitMs, Math.round(performance.now() - began));
    }
  }

  #refuseAborted(): void {
    if (this.#signal?.aborted) throw aborted(this.#signal);
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
