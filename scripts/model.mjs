// `npm run -s test:model -- [--operations N] [--seed S] [--dir DIR]... [--lanes N] [--json]`:
// random calls of every kind, right ones and wrong ones, on a store of three zones, each answer
// compared with what the rules say (life/rules.mjs); while processes are killed or close, and zones
// go, come back or are replaced. After each, everything that the store holds is compared
// (life/life.mjs). Without a DIR it lives in memory: what a disk keeps is the question of
// kills.mjs, what a store answers is the one here. With --json the last line of stdout is the JSON.
import { existsSync } from 'node:fs';
import { live } from './life/command.mjs';
import { everything } from './life/draw.mjs';

const place = existsSync('/dev/shm') ? '/dev/shm' : 'out';
await live({ what: 'operations', goal: 1_000_000, place, mix: everything, drawn, told });

/** How many calls a process makes between two comparisons, before it is killed or closes. */
function drawn(life) {
  const steps = () => 1 + life.below(2000);
  const spells = Array.from({ length: 1 + life.below(4) }, () => ({ steps: steps() }));
  const chores = life.chance(10) ? [{ verb: 'compact' }] : [];
  return { kill: life.chance(60), zones: 80, spells, chores };
}

function told({ figures }) {
  const { operations, refusals, acked, crashes, reopens, inFlight } = figures;
  return { operations, refusals, acked, crashes, reopens, inFlight };
}
