// The package as a stranger has it: dist/ alone, in a folder without the optional peers. Its types
// pass with skipLibCheck off, and import and require() both find every subpath that needs no peer.
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'strongroom-consumer-'));
const run = promisify(execFile);
const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types: string; default: string }>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  devDependencies: Record<string, string>;
};
/** Subpaths that import their peer when they are loaded. */
const needPeer = new Set(['strongroom/flydrive', 'strongroom/tus']);
const subpaths = Object.keys(description.exports)
  .filter((path) => path !== './package.json')
  .map((path) => `strongroom${path.slice(1)}`);
const alone = subpaths.filter((path) => !needPeer.has(path));

test.before(() => {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  mkdirSync(join(modules, 'strongroom'));
  cpSync(join(root, 'dist'), join(modules, 'strongroom/dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(modules, 'strongroom/package.json'));
  const dependencies = Object.keys(description.dependencies);
  for (const name of ['@types/node', 'undici-types', ...dependencies])
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
});
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

async function typeCheck(name: string, program: string): Promise<string> {
  const place = join(folder, name);
  mkdirSync(place);
  writeFileSync(join(place, 'program.ts'), program);
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    types: ['node'],
  };
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  return run(process.execPath, [tsc, '-p', place]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
}

test('every peer is optional and tested here', (t) => {
  for (const name of Object.keys(description.peerDependencies)) {
    t.true(description.peerDependenciesMeta[name]?.optional, name);
    t.true(name in description.devDependencies, name);
  }
});

test('types pass without the peers and without skipLibCheck', async (t) => {
  const program = `
    ${alone.map((path, i) => `import * as module${i} from '${path}';`).join('\n')}
    export const modules = [${alone.map((_, i) => `module${i}`).join()}];
  `;
  t.is(await typeCheck('right', program), '');
  // The check can fail.
  t.regex(await typeCheck('wrong', `import { no } from 'strongroom'; export { no };`), /TS2305/);
});

test('import and require() find the package and its subpaths', async (t) => {
  const use = (load: string) => `
    (async () => {
      const { openMemory } = ${load}('strongroom'));
      const store = await openMemory();
      await store.bucket('docs').put('key', 'text');
      const all = [${alone.map((path) => `${load}('${path}'))`).join()}];
      console.log(await store.bucket('docs').file('key').text(), all.every(Boolean));
      await store.close();
    })();
  `;
  for (const [name, load] of [
    ['import.mjs', '(await import'],
    ['require.cjs', '(require'],
  ] as const) {
    writeFileSync(join(folder, name), use(load));
    const { stdout } = await run(process.execPath, ['--no-warnings', join(folder, name)]);
    t.is(stdout, 'text true\n', name);
  }
});
