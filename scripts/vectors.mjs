// Holds the core's seals against published vectors and against node:crypto, through the test
// program strongroom_vectors. One line per set; exit 0 when every case that ran agrees, 1 when one
// does not, 2 when nothing could run. Sets whose files are absent are skipped and counted.
//
//   node scripts/vectors.mjs [--binary PATH] [--seed N] [--xaes-long] [--json]
//
// The files lie in ../shared/vectors, or in the folder that STRONGROOM_VECTORS names.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { derivedSets } from './vectors/derived.mjs';
import { publishedSets } from './vectors/published.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    binary: { type: 'string' },
    seed: { type: 'string', default: String(Date.now()) },
    'xaes-long': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const folder = process.env.STRONGROOM_VECTORS ?? join(root, '../shared/vectors');
const binary = options.binary ?? findBinary();

function findBinary() {
  return [join(root, 'build/Release/strongroom_vectors')].find(existsSync);
}

/** Pipes the requests of all cases through the program and returns one answer per case. */
function ask(cases) {
  const input = cases.map(({ request }) => `${request.join(' ')}\n`).join('');
  const run = spawnSync(binary, { input, encoding: 'utf8', maxBuffer: 2 ** 30 });
  const answers = (run.stdout ?? '').split('\n').slice(0, -1);
  if (run.status === 0 && answers.length === cases.length) return answers;
  const why = run.error?.message ?? run.signal ?? `exit code ${run.status}`;
  console.error(`${binary}: ${why}: ${run.stderr ?? ''}`);
  process.exit(2);
}

function runSet({ name, cases, skipped = 0, why, note = '' }) {
  const answers = ask(cases);
  const wrong = new Set();
  cases.forEach(({ label, expected }, i) => {
    const right = typeof expected === 'function' ? expected(answers[i]) : answers[i] === expected;
    if (right) return;
    // A vector that takes several requests counts once, whatever fails of it.
    if (!wrong.has(label) && wrong.size < 5) console.error(`  ${name}, ${label}: ${answers[i]}`);
    wrong.add(label);
  });
  const count = new Set(cases.map(({ label }) => label)).size;
  const passed = count - wrong.size;
  const word = wrong.size > 0 ? 'FAIL' : count === 0 ? 'skip' : 'ok  ';
  const unrun = skipped > 0 ? `, ${skipped} not run: ${why}` : '';
  console.log(`${word} ${name}: ${passed} of ${count + skipped}${unrun}${note}`);
  return { name, passed, failed: wrong.size, skipped };
}

if (binary === undefined) {
  console.error('strongroom_vectors is not built: run npm run test:native first');
  process.exit(2);
}
const published = publishedSets(folder);
const derived = derivedSets(options.seed, options['xaes-long']);
const sets = [...published, ...derived].map(runSet);
const sum = (field) => sets.reduce((total, set) => total + set[field], 0);
if (published.some(({ cases }) => cases.length === 0)) {
  console.log(
    `To run them: fetch testvectors_v1 of github.com/C2SP/wycheproof at dac1dd4729fd and NIST's\n` +
      `CAVP gcmtestvectors.zip, gzip each file, and put them into ${join(folder, 'wycheproof')}\n` +
      `and ${join(folder, 'nist')} (or below another folder that STRONGROOM_VECTORS names).`,
  );
}
const summary = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
console.log(`${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
if (options.json) console.log(JSON.stringify({ ...summary, seed: options.seed, sets }));
process.exit(summary.failed > 0 ? 1 : 0);
