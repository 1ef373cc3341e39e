// `npm run -s mutants -- [BUG...] [--seconds N] [--skip-clean] [--json]`: do the suites bite?
// Builds once with the planted mistakes (native/base/bugs.h), shows that all is green while none is
// chosen, then chooses one after the other and runs the suites until one of them fails.
//   --seconds N   of simulation for each bug (30)
//   --skip-clean  believe that all is green without a bug
// With --json the last line is {"total","caught","bugs":[{"name","caught_by","seconds"}]}.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bugs } from './mutants/bugs.mjs';
import { cleanEnvironment } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: given, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '30' },
    'skip-clean': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const out = 'out/bugs';
const note = (line) => console.error(line);
const unknown = wanted.filter((name) => !bugs.some((bug) => bug.name === name));
if (unknown.length > 0) {
  note(`no such bug: ${unknown.join(', ')}; there are ${bugs.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

build();
if (!given['skip-clean'] && !isGreenWithoutBugs()) {
  note('a suite fails without any bug: nothing is proved by this build');
  process.exit(2);
}
const chosen = bugs.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const results = chosen.map(hunt);
report();

function build() {
  const define = ['-DCMAKE_BUILD_TYPE=Release', '-DSTRONGROOM_TESTS=ON', '-DSTRONGROOM_BUGS=ON'];
  const tool = (args) => spawnSync('cmake', args, { stdio: ['ignore', 2, 2] }).status;
  if (tool(['-S', '.', '-B', out, ...define]) !== 0) process.exit(2);
  const programs = ['--target', 'strongroom_test', 'strongroom_sim'];
  const jobs = ['--parallel', String(availableParallelism())];
  if (tool(['--build', out, ...programs, ...jobs]) !== 0) process.exit(2);
}

/** @returns the exit code; null when it was ended by a signal or by its time */
function run(program, args, bug) {
  const { status, signal, stdout, stderr } = spawnSync(`${out}/${program}`, args, {
    encoding: 'utf8',
    timeout: 10 * 60_000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 28,
    // In memory: a bug is not found by what a disk makes of it, but by what the tests see.
    env: cleanEnvironment({
      ...(existsSync('/dev/shm') ? { STRONGROOM_TEST_DIR: '/dev/shm' } : {}),
      ...(bug ? { STRONGROOM_BUG: bug } : {}),
    }),
  });
  if (status === 2) throw new Error(`${program} ${args.join(' ')} was not understood: ${stderr}`);
  return { failed: status !== 0, how: signal ?? `exit code ${status}`, stdout };
}

function runStep(step, bug) {
  if (step.sim) {
    const { failed, how } = run('strongroom_sim', ['--seconds', given.seconds, '--seed', '1'], bug);
    return { failed, by: 'sim', how };
  }
  const { failed, how, stdout } = run('strongroom_test', step.filters, bug);
  // A bug may end the process: then the suite is what was asked for.
  const case_ = /^FAIL (\S+)/m.exec(stdout)?.[1];
  // A case that fails once may have failed for want of time: it has to fail for the bug.
  if (case_ && bug && !run('strongroom_test', [case_], bug).failed) {
    note(`${case_} failed once, and not again, with ${bug}`);
    return { failed: false, by: null, how };
  }
  return { failed, by: `C++ ${case_ ?? `${step.filters.join(', ') || 'all'} (${how})`}`, how };
}

function isGreenWithoutBugs() {
  return [{ filters: [] }, { sim: true }].every((step) => {
    const { failed, by, how } = runStep(step);
    note(`${failed ? 'FAIL' : 'ok  '} without a bug: ${by} (${how})`);
    return !failed;
  });
}

function hunt({ name, ask }) {
  const since = performance.now();
  const seconds = () => Math.round((performance.now() - since) / 100) / 10;
  const asked = JSON.stringify(ask);
  const rest = [...(asked.includes('sim') ? [] : [{ sim: true }]), { filters: [] }];
  for (const step of [...ask, ...rest]) {
    const { failed, by } = runStep(step, name);
    if (!failed) continue;
    note(`caught ${name} in ${seconds()} s: ${by}`);
    return { name, caught_by: by, seconds: seconds() };
  }
  note(`MISSED ${name} after ${seconds()} s`);
  return { name, caught_by: null, seconds: seconds() };
}

function report() {
  const caught = results.filter(({ caught_by }) => caught_by !== null).length;
  const figures = { total: results.length, caught, bugs: results, commit: commit() };
  if (given.json) console.log(JSON.stringify(figures));
  else console.table(results);
  process.exit(caught === results.length ? 0 : 1);
}

function commit() {
  const git = (...rest) => spawnSync('git', rest, { encoding: 'utf8' }).stdout.trim();
  const dirty = git('status', '--porcelain', '--', 'native', 'lib') === '' ? '' : '-dirty';
  return git('rev-parse', '--short=10', 'HEAD') + dirty;
}
