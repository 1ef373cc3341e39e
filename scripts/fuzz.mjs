// `npm run fuzz -- [TARGET...] [--seconds N] [--runs N] [--total N] [--jobs N] [--json]`: gives the
// decoders inputs that nobody would write, under AddressSanitizer and UBSan (native/**/*_fuzz.cc).
//   --seconds N   at most so long for each target (60)
//   --runs N      at most so many executions of each target
//   --total N     so many executions of all targets together, none above a quarter of them nor
//                 below a hundredth: the fast ones take what the slow ones leave. Ended early by
//                 SIGTERM it tells what was done
// New inputs stay in out/fuzz/corpus, findings in out/fuzz/findings. With --json the last line of
// stdout is the JSON alone. Without clang it says so and runs nothing.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cleanEnvironment } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: given, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    runs: { type: 'string' },
    total: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
});
const out = 'out/fuzz';
const note = (line) => console.error(line);

const compiler = ['clang++', 'clang++-14', 'clang++-15', 'clang++-16', 'clang++-19'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
if (compiler === undefined) {
  note('skipped: no clang++ was found (Debian packages clang-14 and libclang-rt-14-dev)');
  if (given.json) console.log(JSON.stringify({ skipped: 'no clang++' }));
  process.exit(0);
}

build();
const all = list();
if (!(await isPlantedFound(all.find(({ name }) => name === 'Planted')))) process.exit(1);
const targets = all.filter(({ name }) => {
  return name !== 'Planted' && (wanted.length === 0 || wanted.includes(name));
});
const unknown = wanted.filter((name) => !targets.some((target) => target.name === name));
if (unknown.length > 0 || targets.length === 0) {
  note(`no such target: ${unknown.join(', ')}`);
  process.exit(2);
}
const began = performance.now();
for (const target of targets) {
  Object.assign(target, { executions: 0, seconds: 0, edges: 0, crashes: 0 });
  writeCorpus(target);
}
let stopped = false;
process.on('SIGTERM', () => {
  stopped = true; // What runs is ended by its time; then the figures so far are told.
});
await (given.total === undefined ? runOnce() : runUntil(Number(given.total)));
report();

function build() {
  const define = ['-DCMAKE_BUILD_TYPE=Release', '-DSTRONGROOM_FUZZ=ON'];
  const compilers = [
    `-DCMAKE_C_COMPILER=${compiler.replace('++', '')}`,
    `-DCMAKE_CXX_COMPILER=${compiler}`,
  ];
  const tool = (args) => spawnSync('cmake', args, { stdio: ['ignore', 2, 2] }).status;
  if (tool(['-S', '.', '-B', out, ...define, ...compilers]) !== 0) process.exit(2);
  if (tool(['--build', out, '--parallel', given.jobs]) !== 0) process.exit(2);
}

function list() {
  const programs = readdirSync(out).filter((name) => /^fuzz_\w+$/.test(name));
  return programs.sort().flatMap((name) => {
    const program = resolve(out, name);
    const { stdout } = spawnSync(program, ['--list'], { encoding: 'utf8' });
    const names = stdout.split('\n').filter((line) => line !== '');
    return names.map((target) => ({ name: target, program }));
  });
}

function environment({ name }) {
  return cleanEnvironment({
    STRONGROOM_FUZZ_TARGET: name,
    // The last one: each switch between simulated tasks clears a stack, and by no system call.
    ASAN_OPTIONS: [
      'detect_leaks=1:malloc_context_size=5:quarantine_size_mb=16',
      'max_malloc_fill_size=65536:clear_shadow_mmap_threshold=1000000',
    ].join(':'),
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
}

function writeCorpus(target) {
  target.corpus = join(out, 'corpus', target.name);
  mkdirSync(target.corpus, { recursive: true });
  const { status } = spawnSync(target.program, ['--write', target.corpus], {
    stdio: ['ignore', 2, 2],
    env: environment(target),
  });
  if (status !== 0) process.exit(2);
}

/** Whether the overflow of native/base/planted_fuzz.cc is: a fuzzer that is blind finds nothing. */
async function isPlantedFound(planted) {
  writeCorpus(planted);
  const { status, tail } = await execute(planted, { runs: 5_000_000, seed: 1 });
  const place = /heap-buffer-overflow.*?(planted_fuzz\.cc:\d+)/s.exec(tail)?.[1];
  const found = status !== 0 && place !== undefined;
  note(found ? `planted overflow: found in ${place}` : `planted overflow: not found\n${tail}`);
  return found;
}

/** Runs one target, for as long as `limits` say, and adds up what it did. */
async function run(target, limits) {
  const { status, tail, edges } = await execute(target, limits);
  const stat = (name) => Number(new RegExp(`stat::${name}:\\s+(\\d+)`).exec(tail)?.[1] ?? 0);
  target.executions += stat('number_of_executed_units');
  target.edges = Math.max(target.edges, edges);
  if (status === 0) return;
  target.crashes += 1;
  note(tail);
}

function execute(target, limits) {
  const findings = join(out, 'findings', target.name);
  mkdirSync(findings, { recursive: true });
  const args = [
    `-artifact_prefix=${findings}/`,
    '-print_final_stats=1',
    '-rss_limit_mb=2000',
    '-timeout=20',
    '-verbosity=1',
    '-entropic=0', // It costs a third of the time.
    ...Object.entries(limits).map(([name, value]) => `-${name}=${value}`),
    target.corpus,
  ];
  return new Promise((done) => {
    const child = spawn(target.program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment(target),
    });
    let tail = '';
    let edges = 0;
    child.stderr.on('data', (data) => {
      edges = Number([...String(data).matchAll(/ cov: (\d+)/g)].at(-1)?.[1] ?? edges);
      tail = (tail + data).slice(-20_000);
    });
    child.on('close', (status) => done({ status, tail, edges }));
  });
}

async function work(target, limits) {
  const since = performance.now();
  target.running = true;
  await run(target, limits);
  target.running = false;
  target.seconds += (performance.now() - since) / 1000;
  note(`${target.name}: ${target.executions} executions, ${target.edges} edges`);
}

/** As many at a time as there are jobs: whoever is free does what `next` gives. */
async function share(next) {
  const worker = async () => {
    for (let step = next(); step && !stopped; step = next()) await work(step.target, step.limits);
  };
  await Promise.all(Array.from({ length: Number(given.jobs) }, worker));
}

function runOnce() {
  const waiting = [...targets];
  return share(() => {
    const target = waiting.shift();
    if (target === undefined) return undefined;
    const limits = { max_total_time: given.seconds ?? '60' };
    if (given.runs !== undefined) limits.runs = given.runs;
    return { target, limits };
  });
}

/** In slices, so that what was done is known when it is ended early. */
function runUntil(total) {
  const least = Math.ceil(total / 100);
  const most = Math.floor(total / Math.max(4.1, targets.length / 2));
  const speed = ({ executions, seconds }) => executions / Math.max(seconds, 1);
  const sum = () => targets.reduce((all, { executions }) => all + executions, 0);
  return share(() => {
    if (targets.some(({ crashes }) => crashes > 0)) return undefined;
    const free = targets.filter(({ running }) => !running);
    const slowest = free.filter(({ executions }) => executions < least);
    slowest.sort((a, b) => speed(a) - speed(b));
    const fastest = free.filter(({ executions }) => executions < most);
    fastest.sort((a, b) => speed(b) - speed(a));
    const target = slowest[0] ?? (sum() < total ? fastest[0] : undefined);
    if (target === undefined) return undefined;
    const runs = (slowest.length > 0 ? least : most) - target.executions;
    return { target, limits: { runs, max_total_time: given.seconds ?? '60' } };
  });
}

function report() {
  const executions = targets.reduce((all, target) => all + target.executions, 0);
  const figures = {
    targets: targets.map(({ name, executions, seconds, edges, crashes }) => ({
      name,
      executions,
      seconds: Math.round(seconds),
      edges,
      crashes,
    })),
    executions,
    smallest: Math.min(...targets.map((target) => target.executions)),
    largestShare: Math.max(...targets.map((target) => target.executions)) / executions,
    crashes: targets.reduce((all, target) => all + target.crashes, 0),
    compiler: basename(compiler),
    seconds: Math.round((performance.now() - began) / 1000),
    commit: commit(),
  };
  if (given.json) console.log(JSON.stringify(figures));
  else console.table(figures.targets);
  process.exit(figures.crashes > 0 ? 1 : 0);
}

function commit() {
  const git = (...rest) => spawnSync('git', rest, { encoding: 'utf8' }).stdout.trim();
  const dirty = git('status', '--porcelain', '--', 'native', 'lib') === '' ? '' : '-dirty';
  return git('rev-parse', '--short=10', 'HEAD') + dirty;
}
