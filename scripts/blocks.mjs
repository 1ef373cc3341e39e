// `npm run -s test:blocks -- [--states N] [--seed S] [--jobs N] [--json]`: what a real file system
// leaves of a store when the power goes. A store lives on ext4, on a loop device, on a file system
// that records every write and flush (blocks/recorder.c). Each state that a power cut could have
// left of the disk is mounted, opened and compared (blocks/judge.mjs).
//   --lie N   every disk forgets all flushes but each N-th: the run must find loss
// With --json the last line is the JSON alone. Needs root, /dev/fuse and loop devices; without them
// it says so and ends with 0.
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from './commit.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: given } = parseArgs({
  options: {
    states: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    jobs: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '60' },
    lie: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const [states, firstSeed, jobs] = [given.states, given.seed, given.jobs].map(Number);
const [rounds, lie] = [given.rounds, given.lie].map(Number);
const size = 64 * 2 ** 20;
const note = (line) => console.error(line);

const absent = whatIsAbsent();
if (absent !== null) {
  note(`skipped: ${absent}`);
  if (given.json) console.log(JSON.stringify({ skipped: absent }));
  process.exit(0);
}

const started = Date.now();
const place = mkdtempSync(
  join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'strongroom-blocks-'),
);
const faults = [];
let [judged, seeds] = [0, 0];
try {
  const recorder = compileRecorder();
  // One zone and three in turn.
  for (let seed = firstSeed; judged < states; seed++, seeds++) {
    const zones = seeds % 2 === 0 ? 3 : 1;
    const recording = await record(recorder, zones, seed);
    await judgeAll(recording, zones, seed);
    note(`seed ${seed}, ${zones} zones: ${judged} states, ${faults.length} bad`);
    if (faults.length > 0 && lie === 1) break;
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
report();

function whatIsAbsent() {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid() !== 0) return 'mounting takes root';
  const missing = ['/dev/fuse', '/dev/loop-control'].filter((path) => !existsSync(path));
  return missing.length > 0 ? `there is no ${missing.join(', no ')}` : null;
}

function compileRecorder() {
  const program = join(place, 'recorder');
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' });
  const args = ['-O2', '-Wall', '-Wextra', '-o', program, 'scripts/blocks/recorder.c'];
  execFileSync(process.env.CC ?? 'cc', [...args, ...flags.trim().split(/\s+/)], {
    stdio: 'inherit',
  });
  return program;
}

/** Lives a workload on a recorded disk. @returns the path of the recording */
async function record(program, zones, seed) {
  const at = (name) => join(place, name);
  writeFileSync(at('image'), '');
  truncateSync(at('image'), size);
  for (const folder of ['fuse', 'disk']) mkdirSync(at(folder), { recursive: true });
  const args = [at('image'), at('recording'), '-f', '-s', at('fuse')];
  const recorder = spawn(program, args, { stdio: 'inherit' });
  const ended = new Promise((resolve) => recorder.on('exit', resolve));
  for (let tries = 0; !existsSync(at('fuse/disk')); tries++) {
    if (tries === 100) throw new Error('the recorder does not mount');
    await sleep(50);
  }
  const run = (command, ...rest) => execFileSync(command, rest, { encoding: 'utf8' }).trim();
  const device = run('losetup', '--find', '--show', at('fuse/disk'));
  try {
    const lazy = 'lazy_itable_init=0,lazy_journal_init=0';
    run('mkfs.ext4', '-q', '-b', '4096', '-E', lazy, device);
    run('mount', '-t', 'ext4', device, at('disk'));
    try {
      const life = { store: at('disk'), mark: at('fuse/mark'), zones, seed, rounds };
      const lived = await outputOf('scripts/blocks/workload.mjs', life, () => {});
      if (lived !== 0) throw new Error(`the workload ended with ${lived}`);
    } finally {
      run('umount', at('disk'));
    }
  } finally {
    run('losetup', '--detach', device);
    run('umount', at('fuse'));
    await ended;
  }
  return at('recording');
}

async function judgeAll(recording, zones, seed) {
  const most = Math.ceil((states - judged) / jobs);
  const lanes = Array.from({ length: jobs }, (_, lane) => {
    const share = { recording, size, zones, seed, rounds, lane, lanes: jobs, lie, most };
    const [image, folder] = [join(place, `image-${lane}`), join(place, `lane-${lane}`)];
    return outputOf('scripts/blocks/judge.mjs', { ...share, image, folder }, (line) => {
      const { state, fault } = JSON.parse(line);
      judged++;
      if (fault === null) return;
      faults.push({ seed, zones, state, fault });
      note(`seed ${seed}, state ${state}: ${fault}`);
    });
  });
  const codes = await Promise.all(lanes);
  if (codes.some((code) => code !== 0)) throw new Error(`a judge ended with ${codes}`);
}

/** @returns its exit code, once every line of its output was heard */
async function outputOf(script, argument, hear) {
  const args = [script, JSON.stringify(argument)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) =>
    child.on('exit', (code, signal) => resolve(code ?? signal)),
  );
  for await (const line of createInterface({ input: child.stdout })) hear(line);
  return ended;
}

function report() {
  const seconds = Math.round((Date.now() - started) / 1000);
  const figures = {
    states: judged,
    seeds,
    seed: firstSeed,
    bad: faults.length,
    lie,
    seconds,
    commit: commit(),
  };
  if (given.json) console.log(JSON.stringify(figures));
  else
    for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(10)} ${value}`);
  process.exit(faults.length > 0 ? 1 : 0);
}
