import { readFileSync } from 'node:fs';
import test from 'ava';

const root = new URL('..', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const licences = [
  'classic-level/deps/leveldb/leveldb-1.20/LICENSE',
  'classic-level/LICENSE',
  'node-addon-api/LICENSE.md',
  'node-api-headers/LICENSE',
  'commander/LICENSE',
  'xxhash-wasm/LICENSE.md',
  'tar/LICENSE.md',
];

for (const path of licences) {
  test(`THIRD_PARTY_NOTICES holds ${path} as it is installed`, (t) => {
    t.true(read('THIRD_PARTY_NOTICES').includes(read(`node_modules/${path}`).trim()));
  });
}

test('every dependency of the installed package is named in THIRD_PARTY_NOTICES', (t) => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
  for (const name of Object.keys(dependencies)) {
    t.true(
      licences.some((path) => path.startsWith(`${name}/`)),
      name,
    );
  }
});
