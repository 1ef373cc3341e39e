// A life from the command line: the options, the place, and the line of figures at the end.
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from '../commit.mjs';
import { Life } from './life.mjs';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

/**
 * Lives until so many of `what` are counted, or something is found.
 * @param what the option that says how many, and the figure that counts them
 * @param place where the zones lie if nobody says it
 * @param drawn life → the plan of its next process
 * @param told life → the figures to be told first
 */
export async function live({ what, goal, place, mix, drawn, told }) {
  const { values: given } = parseArgs({
    options: {
      [what]: { type: 'string', default: String(goal) },
      seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
      dir: { type: 'string', multiple: true, default: [place] },
      lanes: { type: 'string', default: '12' },
      json: { type: 'boolean', default: false },
    },
  });
  const [wanted, seed, lanes] = [given[what], given.seed, given.lanes].map(Number);
  const measured = commit(); // Before the run: later another one may be checked out.
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const folders = given.dir.map((folder) => {
    mkdirSync(folder, { recursive: true });
    return mkdtempSync(join(resolve(folder), 'strongroom-life-'));
  });
  const life = new Life({ folders, seed, lanes, mix });
  for (let news = 0; told(life)[what] < wanted && life.faults.length === 0; ) {
    await life.session(drawn(life));
    const done = told(life)[what];
    if (done - news < wanted / 40) continue;
    news = done;
    console.error(`${done} ${what}, ${life.figures.acked} acked, ${seconds()} s`);
  }
  if (life.faults.length === 0) await life.end();
  const isSound = life.faults.length === 0;
  // What is wrong with a store is best seen in the store.
  if (isSound) for (const folder of folders) rmSync(folder, { recursive: true });
  else console.error(`the zones are left in ${folders.join(', ')}`);
  const figures = { ...told(life), ...faultsOf(life), seconds: seconds(), seed, commit: measured };
  if (given.json) console.log(JSON.stringify(figures));
  else
    for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(12)} ${value}`);
  process.exit(isSound ? 0 : 1);
}

function faultsOf(life) {
  const { losses, replacements } = life.zones;
  const kinds = ['lost', 'torn', 'resurrected', 'failedOpen', 'mismatches'];
  const counted = Object.fromEntries(kinds.map((kind) => [kind, life.count(kind)]));
  return { ...counted, zoneLosses: losses, replacements };
}
