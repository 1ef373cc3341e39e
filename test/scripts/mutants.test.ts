// The planted mistakes: listed as they are planted, and in nothing that ships.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
// @ts-expect-error A script without types.
import { bugs } from '../../scripts/mutants/bugs.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const names: string[] = bugs.map(({ name }: { name: string }) => name).sort();

function plantedIn(text: string): string[] {
  return [...text.matchAll(/STRONGROOM_BUG\("([a-z-]+)"\)/g)].map((match) => match[1] ?? '');
}

test('every planted mistake is hunted, and no other', (t) => {
  const sources = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.cc'))
    .map((path) => readFileSync(join(root, 'native', path), 'utf8'));
  const planted = [...new Set(sources.flatMap(plantedIn))].sort();
  t.true(names.length >= 20);
  t.deepEqual(planted, names);
});

test('the addon holds no trace of them', (t) => {
  const addon = readFileSync(join(root, 'build/Release/strongroom.node'));
  t.true(addon.includes('SRBATCH1')); // Its words can be read, when they are there.
  for (const trace of ['STRONGROOM_BUG', 'IsBugChosen', ...names])
    t.false(addon.includes(trace), trace);
});
