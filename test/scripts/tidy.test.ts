// Plants each violation in a small tree of its own and sees tidy name it, with its file and line.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const tidy = fileURLToPath(new URL('../../scripts/tidy.mjs', import.meta.url));
const layers = {
  native: {
    tiers: [['base'], ['hash', 'io'], ['index'], ['engine'], ['binding']],
    doors: { index: ['index/index.h'] },
    thirdParty: { 'napi.h': ['binding'], 'leveldb/': ['index'] },
  },
  lib: { tiers: [['errors'], ['access', 'retention'], ['store'], ['index'], ['cli']] },
};

/** A tree in which tidy finds nothing. */
const sound: Record<string, string> = {
  'layers.json': JSON.stringify(layers),
  'native/sources.gypi': JSON.stringify({
    variables: {
      core_sources: ['native/base/a.cc', 'native/hash/h.cc', 'native/index/i.cc'],
      core_avx2_sources: ['native/hash/h_avx2.cc'],
    },
  }),
  'native/base/a.h': '// The alphabet.\n#pragma once\n#include <string>\n',
  'native/base/a.cc': '#include "base/a.h"\nint A() { return 1\'000; }\n',
  'native/hash/h.cc': '// Hashes.\n#include "base/a.h"\nconst char* kWord = "std::mutex fopen(";\n',
  'native/hash/h_avx2.cc': '// The wide kernel.\n#include <immintrin.h>\n',
  'native/index/i.cc': '// The index.\n#include "index/index.h"\n#include "index/inner.h"\n',
  'native/index/index.h': '// The door.\n#pragma once\n',
  'native/index/inner.h': '// Behind the door.\n#pragma once\n#include "leveldb/db.h"\n',
  'lib/index.ts': "// Exports only.\nexport { open } from './store.ts';\n",
  'lib/store.ts': "// The facade.\nimport './access/decide.ts';\nexport const open = 1;\n",
  'lib/access/decide.ts':
    '// Who may.\nexport const rate = 4 / 2; // Math.random() is not code here.\n',
  'test/store.test.ts': "import '../lib/index.ts';\n",
};

interface Found {
  problems: string[];
  notes: string[];
}
// A variable keeps the compiler from asking for types of a plain script.
const module = '../../scripts/tidy/inspect.mjs';
const { inspect } = (await import(module)) as { inspect(root: string): Found };

function plant(changes: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'));
  for (const [path, text] of Object.entries({ ...sound, ...changes })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
function run(changes: Record<string, string>): Found {
  const root = plant(changes);
  try {
    return inspect(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('finds nothing in a sound tree', (t) => {
  t.deepEqual(run({}), { problems: [], notes: [] });
});

const a = '// The alphabet.\n#include "base/a.h"\n';
const wide = `// ${'x'.repeat(98)}\n`;
const home = ['', 'home', 'me', 'file'].join('/');
/** What is planted, and the line that tidy must print. */
const planted: [string, Record<string, string>, RegExp][] = [
  [
    'a back edge in C++',
    { 'native/base/a.cc': `${a}#include "index/index.h"\n` },
    /^native\/base\/a\.cc:3: includes "index\/index\.h": index lies above base$/m,
  ],
  [
    'a sibling in C++',
    { 'native/hash/h.cc': '// H.\n#include "io/e.h"\n', 'native/io/e.h': '// Env.\n' },
    /^native\/hash\/h\.cc:2: .*hash and io are of one tier$/m,
  ],
  [
    'a folder that no layer names',
    { 'native/misc/m.h': '// M.\n' },
    /^native\/misc\/m\.h:1: .*misc has no place in layers\.json$/m,
  ],
  [
    'a way around a door',
    { 'native/engine/e.h': '// E.\n#include "index/inner.h"\n' },
    /^native\/engine\/e\.h:2: .*index is seen through index\/index\.h only$/m,
  ],
  [
    'napi outside the binding',
    { 'native/base/a.cc': `${a}#include <napi.h>\n` },
    /^native\/base\/a\.cc:3: <napi\.h> belongs to binding only$/m,
  ],
  [
    'LevelDB outside the index',
    { 'native/base/a.cc': `${a}#include "leveldb/db.h"\n` },
    /^native\/base\/a\.cc:3: <leveldb\/db\.h> belongs to index only$/m,
  ],
  [
    'a header that nobody includes',
    { 'native/base/b.h': '// B.\n' },
    /^native\/base\/b\.h:1: no file includes it$/m,
  ],
  [
    'templates in a file of one instruction set, through a header',
    {
      'native/hash/h_avx2.cc': '// K.\n#include "hash/k.h"\n',
      'native/hash/k.h': '// K.\n#include <vector>\n',
    },
    /^native\/hash\/h_avx2\.cc:1: <vector> \(through native\/hash\/k\.h\)/m,
  ],
  [
    'a source in no list',
    { 'native/base/new.cc': '// New.\n' },
    /^native\/base\/new\.cc:1: stands in no list of native\/sources\.gypi$/m,
  ],
  [
    'a vendored source in no list',
    { 'out/vendor/leveldb/db/new.cc': '' },
    /^out\/vendor\/leveldb\/db\/new\.cc:1: stands in no list/m,
  ],
  [
    'a listed source that does not exist, and one listed twice',
    {
      'native/sources.gypi': JSON.stringify({
        variables: {
          core_sources: ['native/base/a.cc', 'native/hash/h.cc', 'native/index/i.cc'],
          avx2_sources: ['native/hash/h_avx2.cc', 'native/hash/h.cc', 'native/gone.cc'],
        },
      }),
    },
    /h\.cc stands in core_sources and avx2_sources\n.*native\/gone\.cc does not exist/,
  ],
  [
    'a list that is not strict JSON',
    { 'native/sources.gypi': "{'variables': {}}" },
    /^native\/sources\.gypi:1: must be strict JSON/m,
  ],
  [
    'a back edge in TypeScript',
    { 'lib/access/decide.ts': "// D.\nimport type { x } from '../store.ts';\n" },
    /^lib\/access\/decide\.ts:2: imports \.\.\/store\.ts: store lies above access$/m,
  ],
  [
    'a sibling in TypeScript, imported late',
    {
      'lib/access/decide.ts': "// D.\nexport const x = () => import('../retention/r.ts');\n",
      'lib/retention/r.ts': '// R.\n',
    },
    /^lib\/access\/decide\.ts:2: .*access and retention are of one tier$/m,
  ],
  [
    'an import from outside lib',
    { 'lib/store.ts': "// S.\nimport '../test/x.ts';\n", 'test/x.ts': '' },
    /^lib\/store\.ts:2: imports \.\.\/test\/x\.ts: outside lib$/m,
  ],
  [
    'a dead file',
    { 'lib/access/dead.ts': '// D.\n' },
    /^lib\/access\/dead\.ts:1: nothing reaches it/m,
  ],
  ['a wide line', { 'native/base/a.cc': a + wide }, /^native\/base\/a\.cc:3: 101 columns/m],
  [
    'wide prose',
    { 'README.md': `| ${'x '.repeat(80)}|\n\n${'word '.repeat(25)}\n` },
    /^README\.md:3: \d+ columns of prose/m,
  ],
  [
    'a file without an opening sentence',
    { 'native/index/i.cc': '#include "index/index.h"\n#include "index/inner.h"\n' },
    /^native\/index\/i\.cc:1: begins without/m,
  ],
  [
    'a FIXME',
    { 'lib/access/decide.ts': `// D.\n// ${'FIX'}ME later\n` },
    /^lib\/access\/decide\.ts:2: FIXME/m,
  ],
  [
    'a test alone',
    { 'test/store.test.ts': 'test.only(1);\n' },
    /^test\/store\.test\.ts:1: \.only/m,
  ],
  [
    'a test left out without a reason',
    { 'test/store.test.ts': '// It hangs.\ntest.skip(1);\n\ntest.skip(2);\n' },
    /^test\/store\.test\.ts:4: \.skip\( without a reason/m,
  ],
  [
    'a path of one machine',
    { 'docs/a.md': `see ${home}\n` },
    /^docs\/a\.md:1: .* is a path of one machine$/m,
  ],
  [
    'an address in the lock file',
    { 'package-lock.json': '{\n  "resolved": "https://registry.example/a.tgz"\n}\n' },
    /^package-lock\.json:2: "resolved" names one registry/m,
  ],
  [
    'a hole in the lock file',
    {
      'package-lock.json': JSON.stringify({
        packages: { '': {}, 'node_modules/a': { optionalDependencies: { 'a-darwin': '1.0.0' } } },
      }),
    },
    /^package-lock\.json:1: node_modules\/a needs a-darwin: not locked$/m,
  ],
  ['a large file', { 'docs/a.bin': 'x'.repeat(1_000_001) }, /^docs\/a\.bin:1: 1000001 bytes/m],
];
for (const [name, changes, expected] of planted) {
  test(`finds ${name}`, (t) => {
    const { problems } = run(changes);
    t.regex(problems.join('\n'), expected);
    t.true(problems.length <= 2, problems.join('\n'));
  });
}

/** A call, the folder it is planted in, and a word of the advice. */
const calls: [string, string, string][] = [
  ['std::mutex m;', 'native/hash/h.cc', 'base/sync.h'],
  ['std::condition_variable c;', 'native/base/a.cc', 'base/sync.h'],
  ['std::call_once(f, g);', 'native/base/a.cc', 'function-local static'],
  ['std::thread t(f);', 'native/base/a.cc', 'TaskQueue'],
  ['int x = open(path, 0);', 'native/base/a.cc', 'io::Env'],
  ['int x = ::fsync(fd);', 'native/base/a.cc', 'io::Env'],
  ['FILE* f = fopen(path, mode);', 'native/base/a.cc', 'io::Env'],
  ['std::ifstream in(path);', 'native/base/a.cc', 'io::Env'],
  ['int x = rand();', 'native/base/a.cc', 'Env::Random'],
  ['std::random_device d;', 'native/base/a.cc', 'Env::Random'],
  ['auto t = time(nullptr);', 'native/base/a.cc', 'clocks'],
  ['auto t = std::chrono::steady_clock::now();', 'native/base/a.cc', 'clocks'],
  ['getenv(name);', 'native/base/a.cc', 'argument'],
  ['throw 1;', 'native/base/a.cc', 'Status'],
  ['sprintf(out, format);', 'native/base/a.cc', 'snprintf'],
  ['assert(x);', 'native/base/a.cc', 'CHECK'],
  ['printf(format);', 'native/base/a.cc', 'event'],
  ['Math.random();', 'lib/store.ts', 'node:crypto'],
  ['new RegExp(pattern);', 'lib/store.ts', 'linear matcher'],
  ['Readable.toWeb(r);', 'lib/store.ts', 'pull()'],
  ['Date.now();', 'lib/access/decide.ts', 'argument'],
  ['console.log(1);', 'lib/store.ts', 'logger'],
  ['export default 1;', 'lib/store.ts', 'named export'],
  ['const x = await y;', 'lib/store.ts', 'top-level await'],
  ['enum Colour { red }', 'lib/store.ts', 'erasable'],
];
for (const [call, path, advice] of calls) {
  test(`names what to use instead of ${call}`, (t) => {
    const { problems } = run({ [path]: `${sound[path]}${call}\n` });
    const line = sound[path]?.split('\n').length;
    t.true(problems.some((problem) => problem.startsWith(`${path}:${line}: `)));
    t.true(problems.every((problem) => problem.includes(': use ') && problem.includes(advice)));
  });
}

test('leaves members, other namespaces, comments and strings alone', (t) => {
  const harmless = [
    'auto a = env->open(path);',
    'auto b = file.fsync();',
    'auto c = mine::rand();',
    '// std::mutex, fopen(x), throw',
    '/* printf(x) */ const char* d = "getenv(x) \\" throw";',
    'auto e = R"x(std::thread " )x";',
  ];
  t.deepEqual(run({ 'native/base/a.cc': `${a}${harmless.join('\n')}\n` }).problems, []);
});

test('notes long files and functions without failing', (t) => {
  const body = '  Step();\n'.repeat(70);
  const store = `// S.\nimport './access/decide.ts';\nexport function open(): void {\n${body}}\n`;
  const { problems, notes } = run({
    'native/base/a.cc': `${a}namespace x {\nint F(int y) {\n${body}}\n}\n${'\n'.repeat(400)}`,
    'lib/store.ts': store,
  });
  t.deepEqual(problems, []);
  t.deepEqual(notes, [
    'lib/store.ts:3: a function of 72 lines',
    'native/base/a.cc: 476 lines',
    'native/base/a.cc:4: a function of 72 lines',
  ]);
});

test('the command fails when something is found and is silent otherwise', (t) => {
  for (const [changes, status, line] of [
    [{}, 0, ''],
    [{ 'native/base/b.h': '// B.\n' }, 1, 'tidy: 1 found'],
  ] as const) {
    const root = plant(changes);
    const command = spawnSync(process.execPath, [tidy, root], { encoding: 'utf8' });
    rmSync(root, { recursive: true, force: true });
    t.is(command.status, status);
    t.is(command.stderr.trim().split('\n').at(-1), line);
  }
});
