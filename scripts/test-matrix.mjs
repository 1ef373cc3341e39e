// Runs the TypeScript tests, on the addon as it is built, under every supported Node, and compares:
//   node scripts/test-matrix.mjs [--node 22]... [AVA ARGUMENT...]
// A test that runs under one Node must run under all, or be named as skipped.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { borrowNode, nodes } from './borrow.mjs';
import { compareRuns } from './matrix.mjs';
import { readTap } from './tap.mjs';
import { cleanEnvironment } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: options, positionals } = parseArgs({
  options: { node: { type: 'string', multiple: true, default: Object.keys(nodes) } },
  allowPositionals: true,
});

function runUnder(major) {
  const node = borrowNode(major);
  const environment = cleanEnvironment({
    PATH: `${dirname(node)}:${process.env.PATH}`, // Tests that start `node` get the same one.
  });
  const asked = spawnSync(node, ['-p', 'JSON.stringify(process.versions)'], { encoding: 'utf8' });
  const versions = JSON.parse(asked.stdout);
  const { status, stdout, stderr, error } = spawnSync(
    node,
    ['node_modules/ava/entrypoints/cli.mjs', '--tap', ...positionals],
    { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'], env: environment },
  );
  if (error) throw error;
  const name = `Node ${versions.node}, OpenSSL ${versions.openssl}`;
  return { name, passed: status === 0, tests: readTap(stdout), stderr };
}

function say({ name, passed, tests, stderr }) {
  const counts = ['passed', 'failed', 'skipped'].map(
    (outcome) => `${tests.filter((test) => test.outcome === outcome).length} ${outcome}`,
  );
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name}: ${counts.join(', ')}`);
  if (passed) return;
  for (const { title, outcome, details } of tests) {
    if (outcome === 'failed') console.log(`FAIL ${title}\n${details}`);
  }
  console.log(stderr);
}

const runs = options.node.map((major) => {
  const run = runUnder(major);
  say(run);
  return run;
});
const { report, same } = compareRuns(runs);
console.log(report);
process.exit(same && runs.every(({ passed }) => passed) ? 0 : 1);
