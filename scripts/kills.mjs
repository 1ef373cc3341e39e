// `npm run -s test:kills -- [--cycles N] [--seed S] [--dir DIR]... [--lanes N] [--json]`: processes
// that hold a store of three zones at full load and are killed by SIGKILL at any moment. The next
// one finds everything that was acknowledged, and of each call in flight all or nothing
// (life/life.mjs). DIR: one for the zones, or three, one for each: on the disks that are to be
// tried. With --json the last line of stdout is the JSON alone.
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from './commit.mjs';
import { underLoad } from './life/draw.mjs';
import { Life } from './life/life.mjs';

const { values: given } = parseArgs({
  options: {
    cycles: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    dir: { type: 'string', multiple: true, default: [] },
    lanes: { type: 'string', default: '12' },
    json: { type: 'boolean', default: false },
  },
});
const [cycles, seed, lanes] = [given.cycles, given.seed, given.lanes].map(Number);
const out = fileURLToPath(new URL('../out', import.meta.url));

const measured = commit();
const started = Date.now();
const folders = (given.dir.length > 0 ? given.dir : [out]).map((folder) => {
  mkdirSync(folder, { recursive: true });
  return mkdtempSync(join(resolve(folder), 'kills-'));
});
const life = new Life({ folders, seed, lanes, mix: underLoad });
const { figures, faults } = life;
while (figures.crashes < cycles && faults.length === 0) {
  await life.session({ kill: true, zones: 30, ...drawn() });
  if (figures.crashes % 25 === 0)
    console.error(`${figures.crashes} cycles, ${figures.acked} acked, ${seconds()} s`);
}
if (faults.length === 0) await life.end();
// What is wrong with a store is best seen in the store.
if (faults.length > 0) console.error(`the zones are left in ${folders.join(', ')}`);
else for (const folder of folders) rmSync(folder, { recursive: true });
report();

/** How long this process may live, and what it does beside its calls. */
function drawn() {
  const spells = [{ ms: 20 + life.below(400) }];
  const chores = [];
  if (life.chance(15)) chores.push({ verb: 'compact' });
  if (life.chance(15)) chores.push({ verb: 'scrub', bytesPerSecond: 2 ** 27 });
  return { spells, chores, killedAfterMs: life.chance(15) ? 50 + life.below(500) : undefined };
}

function seconds() {
  return Math.round((Date.now() - started) / 1000);
}

function report() {
  const { crashes, acked, inFlight } = figures;
  const kinds = ['lost', 'torn', 'resurrected', 'failedOpen', 'mismatches'];
  const { losses, replacements } = life.zones;
  const told = {
    cycles: crashes,
    acked,
    inFlight,
    ...Object.fromEntries(kinds.map((kind) => [kind, life.count(kind)])),
    zoneLosses: losses,
    replacements,
    seconds: seconds(),
    seed,
    commit: measured,
  };
  if (given.json) console.log(JSON.stringify(told));
  else for (const [name, value] of Object.entries(told)) console.log(`${name.padEnd(12)} ${value}`);
  process.exit(faults.length > 0 ? 1 : 0);
}
