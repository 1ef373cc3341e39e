// Every @example in lib compiles and runs as it stands, in an empty directory.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { compilePrograms } from './support/compiled-programs.ts';
import { runProgram } from './support/run-program.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The code blocks behind @example, with the comment's stars taken off. */
function examplesOf(path: string): string[] {
  const blocks = readFileSync(path, 'utf8').matchAll(
    /@example\n\s*\* ```ts\n([\s\S]*?)\n\s*\* ```/g,
  );
  return [...blocks].map(([, code = '']) => code.replaceAll(/^\s*\* ?/gm, ''));
}

const examples = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .flatMap((path) => examplesOf(join(root, 'lib', path)).map((code, i) => ({ path, i, code })));

test('there are examples', (t) => {
  t.true(examples.length >= 6);
});

const nameOf = ({ path, i }: { path: string; i: number }): string =>
  `${path.slice(0, -3).replaceAll('/', '-')}-${i + 1}`;
const programs = compilePrograms(
  'docstrings',
  new Map(examples.map((example) => [nameOf(example), example.code])),
);

for (const example of examples)
  test(`lib/${example.path}, example ${example.i + 1}`, async (t) => {
    const { code, stderr } = await runProgram(programs.get(nameOf(example)) as string);
    t.is(code, 0, stderr);
  });
