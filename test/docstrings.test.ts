// Every @example in lib runs as it stands, in an empty directory, on the sources instead of the
// package.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runProgram } from './support/run-program.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The code blocks behind @example, with the comment's stars taken off. */
function examplesOf(path: string): string[] {
  const blocks = readFileSync(path, 'utf8').matchAll(
    /@example\n\s*\* ```ts\n([\s\S]*?)\n\s*\* ```/g,
  );
  return [...blocks].map(([, code = '']) => code.replaceAll(/^\s*\* ?/gm, ''));
}

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { default: string }>;
};

/** Imports of the package as imports of the sources that its `exports` are built from. */
function onSources(code: string): string {
  return code.replaceAll(/'strongroom(\/\w+)?'/g, (_, subpath: string = '') => {
    const built = exports[`.${subpath}`]?.default ?? `no such export: ${subpath}`;
    return JSON.stringify(join(root, built.replace('dist/', 'lib/').replace(/js$/, 'ts')));
  });
}

const examples = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .flatMap((path) => examplesOf(join(root, 'lib', path)).map((code, i) => ({ path, i, code })));

test('there are examples', (t) => {
  t.true(examples.length >= 6);
});

for (const { path, i, code } of examples)
  test(`lib/${path}, example ${i + 1}`, async (t) => {
    const folder = join(root, 'out', 'docstrings', `${path.replaceAll('/', '-')}-${i + 1}`);
    mkdirSync(folder, { recursive: true });
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const program = join(folder, 'example.ts');
    writeFileSync(program, onSources(code));
    const { code: exit, stderr } = await runProgram(program);
    t.is(exit, 0, stderr);
  });
