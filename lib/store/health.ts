// Health: what the engine knows of itself, in the words of an operator.
import type { StoreContext } from '../context/store-context.ts';
import type { ZoneState } from '../engine/storage-engine.ts';

export type ZoneStatus = ZoneState;

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
}

export class Health {
  readonly #context: StoreContext;

  /** @internal */
  constructor(context: StoreContext) {
    this.#context = context;
  }

  /**
   * The state of the zones and what was counted since open().
   * @throws {StoreError} STORE_CLOSED
   */
  async status(): Promise<HealthStatus> {
    this.#context.enter();
    try {
      const { epoch, sequence, zones, readOnlyReason, counters } = this.#context.engine.status();
      const degraded = zones.filter(isDegraded).map(describe);
      if (readOnlyReason !== null) degraded.push(`no writes: ${readOnlyReason}`);
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
      };
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
