// Rounds: ours and the floor take turns, so that whatever else the machine does meets both.
import { setTimeout as sleep } from 'node:timers/promises';
import { median, short } from './figures.ts';
import type { Stand } from './question.ts';

export interface Turns {
  /** One turn: a rate, or another figure of which more is better. */
  readonly ours: (round: number) => Promise<number>;
  readonly floor: (round: number) => Promise<number>;
  /** Between any two turns: lets the disk and the indexes of the last one come to rest. */
  readonly restMs?: number;
}

export interface Compared {
  /** ours / floor of each round. */
  readonly figures: number[];
  readonly ours: number;
  readonly floor: number;
}

/** Who goes first changes from round to round, so that neither always inherits a warm machine. */
export async function alternate(stand: Stand, rounds: number, turns: Turns): Promise<Compared> {
  const ours: number[] = [];
  const floor: number[] = [];
  const figures: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const oursFirst = round % 2 === 0;
    for (const isOurs of [oursFirst, !oursFirst]) {
      if (turns.restMs !== undefined) await sleep(stand.quick ? 50 : turns.restMs);
      if (isOurs) ours.push(await turns.ours(round));
      else floor.push(await turns.floor(round));
    }
    const [mine, its] = [ours[round] as number, floor[round] as number];
    figures.push(mine / its);
    const ratio = (mine / its).toPrecision(3);
    stand.say(`round ${round + 1}/${rounds}: ours ${short(mine)}, floor ${short(its)}: ${ratio}`);
  }
  return { figures, ours: median(ours), floor: median(floor) };
}
