// What goes on in a store behind its callers, as its status tells: a figure of a disturbed store
// counts only where the disturbance went on from before the first call to after the last.
import type { HealthStatus } from 'strongroom';

/**
 * Of a zone that was away. records: its log is copied, it is not in the set. cells: it is in the
 * set, its cells are copied. idle: the last try failed, the next one is waited for.
 */
export type Stage = 'away' | 'records' | 'cells' | 'whole' | 'idle';

export interface UnderWay {
  readonly stage: Stage;
  readonly scrub: boolean;
}

export interface Look {
  readonly stage: Stage;
  readonly scrub: HealthStatus['scrub'];
}

/** `whyAway` is the reason that status() gave for the zone before it came back. */
export function lookAt(status: HealthStatus, zone: number, whyAway: string | undefined): Look {
  const told = status.zones.find(({ number }) => number === zone);
  if (told === undefined) throw new Error(`there is no zone ${zone}`);
  const { inSet, state, reason } = told;
  const { scrub } = status;
  if (inSet && state === 'ok') return { stage: 'whole', scrub };
  if (inSet) return { stage: reason === undefined ? 'cells' : 'idle', scrub };
  if (state === 'unavailable') return { stage: 'away', scrub };
  return { stage: reason === whyAway ? 'records' : 'idle', scrub };
}

/** Exactly this went on, and nothing else, from one look to the other. */
export function wentOn({ stage, scrub }: UnderWay, before: Look, after: Look): boolean {
  if (before.stage !== stage || after.stage !== stage) return false;
  if (!scrub) return before.scrub === null && after.scrub === null;
  // Between two rounds it rests for a minute, and a round that failed reads nothing.
  return (
    before.scrub !== null &&
    after.scrub !== null &&
    after.scrub.failure === null &&
    after.scrub.rounds === before.scrub.rounds &&
    after.scrub.checkedBytes > before.scrub.checkedBytes
  );
}
