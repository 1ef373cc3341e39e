// `npm run -s sim -- [--states N] [--seed S] [--seconds T] [--json]`: crashes simulated stores and
// compares what the product's own recovery makes of them with a model (native/sim). Without a seed
// it draws one, and says which. With --json the last line of stdout is the JSON alone.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from './commit.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: given } = parseArgs({
  options: {
    states: { type: 'string', default: '2000000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 40)) },
    seconds: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const built = spawnSync(process.execPath, ['scripts/addon.mjs', '--tests'], {
  stdio: ['ignore', 2, 2],
});
if (built.status !== 0) process.exit(2);
const wanted = ['states', 'seed', 'seconds'].filter((name) => given[name] !== undefined);
const args = wanted.flatMap((name) => [`--${name}`, given[name]]);
const run = spawnSync('build/Release/strongroom_sim', args, {
  stdio: ['ignore', 'pipe', 2],
  encoding: 'utf8',
});
if (run.status === 2 || run.signal) {
  console.error(run.signal ? `strongroom_sim was ended by ${run.signal}` : '');
  process.exit(2);
}
const figures = { ...JSON.parse(run.stdout), commit: commit() };
if (given.json) console.log(JSON.stringify(figures));
else
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(12)} ${value}`);
process.exit(run.status);
