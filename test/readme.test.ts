// Every code block of the README and of docs/{backup,drivers,events}.md runs, and every link of the
// documents leads somewhere.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { compilePrograms } from './support/compiled-programs.ts';
import { runProgram } from './support/run-program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');
const blocks = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, code]) => ({
  language: language ?? '',
  code: code ?? '',
}));
const documented = ['backup', 'drivers', 'events'].flatMap((name) =>
  [...read(`docs/${name}.md`).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], i) => ({
    ...{ name, i, code },
  })),
);
const programs = compilePrograms(
  'readme',
  new Map([
    ...blocks.flatMap(({ language, code }, i): [string, string][] =>
      language === 'ts' ? [[`block-${i}`, code]] : [],
    ),
    ...documented.map(({ name, i, code }): [string, string] => [`${name}-${i}`, code]),
  ]),
);

test('the README has blocks of every kind', (t) => {
  t.deepEqual([...new Set(blocks.map(({ language }) => language))].sort(), ['js', 'sh', 'ts']);
});

blocks.forEach(({ language, code }, i) => {
  if (language === 'sh') {
    test(`shell block ${i + 1} names commands that exist`, (t) => checkShell(t, code));
    return;
  }
  test(`code block ${i + 1} runs and prints what its comments say`, async (t) => {
    const file = programs.get(`block-${i}`) ?? join(root, `out/readme/block-${i}.mjs`);
    if (language === 'js') writeFileSync(file, code);
    const { code: exit, stdout, stderr } = await runProgram(file);
    t.is(stderr, '');
    t.is(exit, 0);
    const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
      (match) => match[1],
    );
    t.deepEqual(stdout.trim().split('\n'), promised);
  });
});

for (const { name, i } of documented)
  test(`code block ${i + 1} of docs/${name}.md runs`, async (t) => {
    const { code, stderr } = await runProgram(programs.get(`${name}-${i}`) as string);
    t.is(stderr, '');
    t.is(code, 0);
  });

/** They cannot run inside `npm test`; what can go wrong is that a name changes. */
function checkShell(t: { true(value: boolean, message?: string): void }, code: string): void {
  const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
  for (const line of code.trim().split('\n')) {
    for (const step of line.split(' && ')) {
      const script = /^npm (?:run )?(\w+)$/.exec(step)?.[1];
      t.true(step === 'npm ci' || (script !== undefined && script in scripts), step);
    }
  }
}

test('.ci/run runs the test command of the README', (t) => {
  const tests = readme.slice(readme.indexOf('## Tests'));
  const command = /```sh\n(.*)\n```/.exec(tests)?.[1];
  t.is(read('.ci/run').trim().split('\n').at(-1), command);
});

const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'native/README.md',
  'examples/README.md',
].filter((path) => existsSync(join(root, path)));

for (const path of documents) {
  test(`the links of ${path} lead somewhere`, (t) => {
    const text = read(path).replace(/^```.*?^```$/gms, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const full = file === '' ? join(root, path) : join(root, dirname(path), file);
      t.true(existsSync(full), `${target} does not exist`);
      if (anchor !== undefined && existsSync(full)) {
        t.true(anchors(readFileSync(full, 'utf8')).has(anchor), `${target}: no such heading`);
      }
    }
    t.pass();
  });
}

const nativeTests = new Set(
  readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cc'))
    .flatMap((name) => [...read(`native/${name}`).matchAll(/^TEST\((\w+), (\w+)\)/gm)])
    .map(([, suite, name]) => `${suite}.${name}`),
);

for (const path of ['docs/security/threat-model.md', 'docs/testing.md', 'docs/durability.md']) {
  test(`the native tests that ${path} names exist`, (t) => {
    for (const [name] of read(path).matchAll(/\b[A-Z]\w+\.[A-Z]\w+\b/g)) {
      t.true(nativeTests.has(name), `${name} is no test`);
    }
    t.pass();
  });
}

function anchors(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}
