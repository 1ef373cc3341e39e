// `npm run -s test:flips -- [--every N] [--jobs J] [--seconds T] [--seed S]`: turns over every bit
// of every file of two small stores, opens and reads them after each (native/sim/flips.h), by J
// processes at once. The last line of stdout is the JSON.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from './commit.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: given } = parseArgs({
  options: {
    every: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const jobs = Number(given.jobs);

const built = spawnSync(process.execPath, ['scripts/addon.mjs', '--tests'], {
  stdio: ['ignore', 2, 2],
});
if (built.status !== 0) process.exit(2);
const measured = commit(); // Before the run: hours later another one may be checked out.
const began = performance.now();
const parts = await Promise.all(Array.from({ length: jobs }, (_, part) => flip(part)));
const figures = {};
for (const { whole, seconds, ...counts } of parts) {
  for (const [name, count] of Object.entries(counts)) figures[name] = (figures[name] ?? 0) + count;
}
figures.whole = parts.every((part) => part.whole);
figures.seed = Number(given.seed);
figures.seconds = Math.round((performance.now() - began) / 100) / 10;
console.log(JSON.stringify({ ...figures, commit: measured }));
process.exit(figures.silent + figures.lost > 0 ? 1 : 0);

/** One process's share of the work. */
function flip(part) {
  const args = ['flips', '--every', given.every, '--seed', given.seed];
  args.push('--part', String(part), '--of', given.jobs);
  if (given.seconds !== undefined) args.push('--seconds', given.seconds);
  const child = spawn('build/Release/strongroom_tamper', args, { stdio: ['ignore', 'pipe', 2] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (data) => {
    output += data;
  });
  return new Promise((resolve) => {
    child.on('close', (status, signal) => {
      if (status === 0 || status === 1) return resolve(JSON.parse(output));
      console.error(`strongroom_tamper ended with ${signal ?? status}`);
      process.exit(2);
    });
  });
}
