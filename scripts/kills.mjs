// `npm run -s test:kills -- [--cycles N] [--seed S] [--dir DIR]... [--lanes N] [--json]`: processes
// that hold a store of three zones at full load and are killed by SIGKILL at any moment. The next
// one finds everything that was acknowledged, and of each call in flight all or nothing
// (life/life.mjs). DIR: one for the zones, or three, one for each: on the disks that are to be
// tried. With --json the last line of stdout is the JSON alone.
import { live } from './life/command.mjs';
import { underLoad } from './life/draw.mjs';

await live({ what: 'cycles', goal: 1000, place: 'out', mix: underLoad, drawn, told });

/** How long a process may live, and what it does beside its calls. */
function drawn(life) {
  const spells = [{ ms: 20 + life.below(400) }];
  const chores = [];
  if (life.chance(15)) chores.push({ verb: 'compact' });
  if (life.chance(15)) chores.push({ verb: 'scrub', bytesPerSecond: 2 ** 27 });
  const killedAfterMs = life.chance(15) ? 50 + life.below(500) : undefined;
  return { kill: true, zones: 30, spells, chores, killedAfterMs };
}

function told({ figures }) {
  return { cycles: figures.crashes, acked: figures.acked, inFlight: figures.inFlight };
}
