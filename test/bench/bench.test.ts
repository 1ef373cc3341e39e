// What a program sees of the bench: one line with exactly these fields, or exit code 2 and none. No
// figure is judged here: a machine that runs tests is not quiet.
import { spawn } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function bench(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['--import=tsx', main, ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((end, fail) => {
    child.on('error', fail).on('close', end);
  });
  return { code, stdout, stderr };
}

const tmpfs = 0x01021994;
const memory = '/dev/shm';
const isMemory = (path: string): boolean => existsSync(path) && statfsSync(path).type === tmpfs;

// Skipped in a checkout that lies in memory itself, where nothing is measured.
const measuring = isMemory(fileURLToPath(new URL('.', import.meta.url))) ? test.skip : test.serial;

measuring('the last line of stdout has exactly the fields that were promised', async (t) => {
  const { code, stdout, stderr } = await bench('pipeline', '--quick', '--json');
  t.is(code, 0, stderr);
  const line = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  t.deepEqual(
    Object.keys(line),
    'bench ratio goal better unit low high rounds pass detail'.split(' '),
  );
  t.deepEqual(
    Object.keys(line.detail),
    'ours floor peers node openssl evp_gbps cpu fs commit'.split(' '),
  );
  const { bench: name, better, unit, detail } = line;
  t.like({ name, better, unit }, { name: 'pipeline', better: 'higher', unit: 'x' });
  for (const figure of [line.ratio, line.goal, line.low, line.high, detail.ours, detail.floor])
    t.true(Number.isFinite(figure) && figure > 0);
  t.true(line.low <= line.ratio && line.ratio <= line.high);
  t.is(line.pass, line.ratio >= line.goal);
  t.regex(detail.commit, /-quick$/);
});

// Skipped where there is no such file system to refuse.
(isMemory(memory) ? test : test.skip)(
  'a file system in memory is refused, and untouched',
  async (t) => {
    const data = `${memory}/strongroom-bench-${process.pid}`;
    const { code, stdout, stderr } = await bench('pipeline', '--quick', '--json', '--data', data);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, /tmpfs.*--data/);
    t.false(existsSync(data));
  },
);

test('an unknown name is refused, and the known ones are listed', async (t) => {
  const { code, stdout, stderr } = await bench('put-smal', '--json');
  t.is(code, 2);
  t.is(stdout, '');
  for (const name of ['put-small', 'open', 'loop-delay']) t.true(stderr.includes(name));
});
