import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { compilePrograms } from './support/compiled-programs.ts';
import { runProgram } from './support/run-program.ts';

const directory = fileURLToPath(new URL('../examples/', import.meta.url));
const expected: Record<string, string> = {
  'conditional-update.ts': `1
{"bolts":30}
PreconditionFailed
`,
  'checkpoint.ts': `STORE_ROLLED_BACK
`,
  'follow-changes.ts': `Map(1) { '2023' => 12 }
Map(2) { '2024' => 4, '2025' => 10 }
Map(3) { '2024' => 4, 'final' => 10, '2026' => 0 }
Map(4) { '2024' => 4, '2026' => 0, '2027' => 6, 'final' => 10 }
`,
  'resume-download.ts': `false
true
true
true
another film
`,
  'unstorage-cache.ts': `{ name: 'user 7' } 1
v1/users/7 17
<h1>hello</h1> [ 'pages:home' ]
[]
`,
  'worker-threads.ts': `a 500500
b 500500
c 500500
`,
  'write-stream.ts': `true application/gzip
100001
the disk of the source is gone
false
`,
  'quickstart.ts': `Hello
null
FileAlreadyExists
reports/2024.json 12
reports/2025.json 12
false
`,
  'stream-upload.ts': `6553600 6553600
true false
Uint8Array(2) [ 0, 1 ]
`,
  'three-zones.ts': `a copy in every zone
4194304 true
false [ 'ok', 'unavailable', 'ok' ]
`,
  'fetch-handler.ts': `404 then 200
206 bytes 6-10/11 world
304
403 AccessDenied
`,
  'list-folders.ts': `css/
img/
index.html
img/icons/
img/a.png
img/b.png
2 string
[ 'img/b.png', 'img/icons/x.svg', 'index.html' ]
`,
};

const sources = readdirSync(directory).filter((name) => name.endsWith('.ts'));
const programs = compilePrograms(
  'examples',
  new Map(sources.map((name) => [name.slice(0, -3), readFileSync(directory + name, 'utf8')])),
);

for (const name of sources) {
  test(`examples/${name} prints what it says`, async (t) => {
    const { code, stdout, stderr } = await runProgram(programs.get(name.slice(0, -3)) as string);
    t.is(stderr, '');
    t.is(stdout, expected[name] ?? `${name} has no expected output here`);
    t.is(code, 0);
  });
}
