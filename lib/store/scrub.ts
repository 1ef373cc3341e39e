// The scrub: verification that goes round and round in the background, at a rate, and heals what it
// finds. It is no caller of anybody: its failures are told by its status, close() ends it, and a
// process that has nothing else to do ends with it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import { runVerification, type VerifyFinding, type VerifyReport } from './verification.ts';

export interface ScrubStatus {
  /** What is read and written by it, in all zones together. */
  bytesPerSecond: number;
  /** That came to their end. */
  rounds: number;
  /** Read since it was begun. */
  checkedBytes: number;
  /** Of the round that goes on, or the one before the rest. */
  startedAt: Date;
  /** Since it was begun; what nobody can heal is found in every round. */
  found: number;
  healed: number;
  /** Of the last round that found something. */
  lastFinding: VerifyFinding | null;
  /** Why the last round came to no end, or null. The next one is begun all the same. */
  failure: string | null;
}

/** Waits between two rounds; rejects when the signal fires. */
export type Rest = (signal: AbortSignal) => Promise<void>;

/** Between two rounds: a store of a few bytes is not read a hundred times a second. */
const restMs = 60_000;
const restAMinute: Rest = (signal) => sleep(restMs, undefined, { signal, ref: false });

export class Scrub {
  readonly #context: StoreContext;
  readonly #rest: Rest;
  #running: { readonly controller: AbortController; readonly over: Promise<void> } | null = null;
  #status: ScrubStatus | null = null;

  constructor(context: StoreContext, rest: Rest = restAMinute) {
    this.#context = context;
    this.#rest = rest;
  }

  /** Null while none runs. */
  get status(): ScrubStatus | null {
    return this.#status && { ...this.#status };
  }

  /** Ends the one that runs, and begins anew. STORE_CLOSED. */
  async begin(bytesPerSecond: number): Promise<void> {
    // Of calls at once, each ends those before it.
    while (this.#running) await this.pause();
    if (this.#context.closed) throw new StoreError('STORE_CLOSED');
    const status: ScrubStatus = {
      bytesPerSecond,
      rounds: 0,
      checkedBytes: 0,
      startedAt: new Date(this.#context.now()),
      found: 0,
      healed: 0,
      lastFinding: null,
      failure: null,
    };
    this.#status = status;
    const controller = new AbortController();
    this.#running = { controller, over: this.#run(status, controller) };
  }

  /** Resolves when it reads and writes nothing any more. */
  async pause(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    running.controller.abort();
    // A scrub keeps no process alive, but whoever waits for its end must live to see it.
    const awake = setInterval(() => {}, 2 ** 30);
    try {
      await running.over;
    } finally {
      clearInterval(awake);
    }
  }

  /** Never rejects. */
  async #run(status: ScrubStatus, controller: AbortController): Promise<void> {
    const { signal } = controller;
    // Whom close() stops, since it is inside no call.
    const wait = { over: Promise.resolve(), stop: () => controller.abort() };
    this.#context.waits.add(wait);
    try {
      while (!signal.aborted && !this.#context.closed) {
        await this.#round(status, signal);
        await this.#rest(signal).catch(() => {});
      }
    } finally {
      this.#context.waits.delete(wait);
      this.#status = null;
      this.#running = null;
    }
  }

  async #round(status: ScrubStatus, signal: AbortSignal): Promise<void> {
    status.startedAt = new Date(this.#context.now());
    const before = { ...status };
    const onNews = ({ bytes, found, healed, findings }: VerifyReport): void => {
      status.checkedBytes = before.checkedBytes + bytes;
      status.found = before.found + found;
      status.healed = before.healed + healed;
      status.lastFinding = findings.at(-1) ?? before.lastFinding;
    };
    const { bytesPerSecond } = status;
    try {
      await runVerification(this.#context, { heal: true, bytesPerSecond, signal, onNews });
      status.rounds++;
      status.failure = null;
    } catch (error) {
      // A zone that fails is expelled by whoever writes; the next round does without it.
      const ended = StoreError.is(error, 'ABORTED') || StoreError.is(error, 'STORE_CLOSED');
      if (!ended) status.failure = String(error);
    }
  }
}
