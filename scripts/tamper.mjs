// `npm run -s test:tamper -- [--instances N] [--seed S]`: every attack of the tamper matrix, N
// times each, on a store of three zones and on one of one (native/sim/tamper_matrix.h). Without a
// seed it draws one, and says which. The last line of stdout is the JSON.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from './commit.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: given } = parseArgs({
  options: {
    instances: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 40)) },
  },
});

const built = spawnSync(process.execPath, ['scripts/addon.mjs', '--tests'], {
  stdio: ['ignore', 2, 2],
});
if (built.status !== 0) process.exit(2);
const args = ['matrix', '--instances', given.instances, '--seed', given.seed];
const run = spawnSync('build/Release/strongroom_tamper', args, {
  stdio: ['ignore', 'pipe', 2],
  encoding: 'utf8',
});
if (run.status !== 0 && run.status !== 1) {
  console.error(`strongroom_tamper ended with ${run.signal ?? run.status}`);
  process.exit(2);
}
const figures = { ...JSON.parse(run.stdout), seed: Number(given.seed), commit: commit() };
console.log(JSON.stringify(figures));
process.exit(run.status);
