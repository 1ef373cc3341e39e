// `strongroom build` as a user runs it, with a node-gyp that only says how it was called. Compiling
// for real from the packed files is what `npm run pack` does.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { builtCommand } from '../support/built-package.ts';
import { runProgram } from '../support/run-program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the command with a node-gyp of these lines; stderr is what node-gyp and the command say. */
async function buildWith(lines: string) {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-gyp-'));
  const nodeGyp = join(folder, 'node-gyp.cjs');
  writeFileSync(nodeGyp, lines);
  const env = { ...process.env, npm_config_node_gyp: nodeGyp, npm_config_nodedir: '/elsewhere' };
  const result = await runProgram(builtCommand, ['build'], env);
  rmSync(folder, { recursive: true });
  return result;
}

test('it compiles in the package, against the headers in the package', async (t) => {
  const { code, stdout, stderr } = await buildWith(`
    console.log(JSON.stringify([process.cwd() + '/', ...process.argv.slice(2)]));
    console.log('nodedir ' + process.env.npm_config_nodedir);
  `);
  t.is(code, 0, stderr);
  t.is(stdout, `${root}build/Release/strongroom.node\n`);
  const [cwd, command, headers] = JSON.parse(stderr.split('\n')[0] ?? '') as string[];
  t.deepEqual([cwd, command], [root, 'rebuild']);
  t.true(existsSync(`${headers?.replace('--nodedir=', '')}/include/node/napi.h`), headers);
  t.regex(stderr, /^nodedir undefined$/m, "the user's own configuration does not count");
});

test('it says what is needed when it cannot compile', async (t) => {
  const { code, stdout, stderr } = await buildWith('process.exit(1)');
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /apt install g\+\+ make python3/);
});
