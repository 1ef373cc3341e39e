// The figures of docs/durability.md are those that its commands print.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${root}/docs/durability.md`, 'utf8');
const shown = [
  ...page.matchAll(
    /```sh\nnode (scripts\/durability\.mjs.*)\n```\n\n.*\n\|---\|---\|\n((?:\|.*\n)+)/g,
  ),
];

test('docs/durability.md shows what its commands print', (t) => {
  t.is(shown.length, 2);
  for (const [, command = '', table = ''] of shown) {
    t.is(
      execFileSync(process.execPath, command.split(' '), { cwd: root, encoding: 'utf8' }),
      table,
    );
  }
});

test('the model agrees with its limits', (t) => {
  const figures = (...options: string[]) =>
    execFileSync(process.execPath, ['scripts/durability.mjs', ...options], {
      cwd: root,
      encoding: 'utf8',
    }).split('\n');
  const loss = (line: string | undefined) => 1 - Number(/([\d.]+) %/.exec(line ?? '')?.[1]) / 100;
  // A repair that takes twice as long doubles the loss of two zones of three.
  const [, , day] = figures('--notice-hours', '24', '--terabytes', '0');
  const [, , two] = figures('--notice-hours', '48', '--terabytes', '0');
  t.true(Math.abs(loss(two) / loss(day) - 2) < 0.05);
  // What takes all zones at once is all that counts when it is frequent.
  const [, , common] = figures('--common', '1', '--losses-per-year', '0.5');
  t.true(Math.abs(loss(common) - 0.5) < 0.02);
});

test('what is no rate is refused', (t) => {
  for (const value of ['x', '-1', '', 'Infinity']) {
    const args = ['scripts/durability.mjs', `--common=${value}`];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    t.is(status, 2, value);
    t.regex(stderr, /--common takes a number/);
  }
});
