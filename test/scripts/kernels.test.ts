// Files of one instruction set must leave no weak symbol: the linker could keep that copy for the
// whole program, and an older CPU would die of an illegal instruction.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { variables } = JSON.parse(readFileSync(join(root, 'native/sources.gypi'), 'utf8')) as {
  variables: Record<string, string[]>;
};
const ours = process.arch === 'arm64' ? /_neon_sources$/ : /_(ssse3|avx2|\w+256|avx512)_sources$/;

for (const [name, files] of Object.entries(variables)) {
  if (!ours.test(name)) continue;
  const target = name.replace(/_sources$/, '');
  for (const file of files)
    test(`${file} emits no weak symbol`, (t) => {
      // The very object that ships.
      const object = join(root, `build/Release/obj.target/${target}`, file.replace(/cc$/, 'o'));
      t.true(existsSync(object), `${object} is missing: npm run build:native`);
      const symbols = execFileSync('nm', [object], { encoding: 'utf8' });
      t.regex(symbols, / T /, 'the object holds a kernel');
      t.deepEqual(
        symbols.split('\n').filter((line) => / [WVu] /.test(line)),
        [],
      );
    });
}
