// Files of one instruction set must leave no weak symbol: the linker could keep that copy for the
// whole program, and an older CPU would die of an illegal instruction.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
// CXX may name a wrapper and its compiler, as make understands it.
const [compiler = 'g++', ...wrapped] = (process.env.CXX ?? 'g++').split(' ');
const { variables } = JSON.parse(readFileSync(join(root, 'native/sources.gypi'), 'utf8')) as {
  variables: Record<string, string[]>;
};
const ours = process.arch === 'arm64' ? /_neon_sources$/ : /_(ssse3|avx2|\w+256|avx512)_sources$/;

for (const [name, files] of Object.entries(variables)) {
  if (!ours.test(name)) continue;
  for (const file of files) {
    test(`${file} emits no weak symbol`, async (t) => {
      t.timeout(120_000);
      const folder = mkdtempSync(join(tmpdir(), 'strongroom-kernel-'));
      t.teardown(() => rmSync(folder, { recursive: true }));
      const object = join(folder, 'kernel.o');
      const flags = variables[name.replace(/_sources$/, '_flags')] ?? [];
      const common = ['-std=c++20', '-O3', '-fno-exceptions', '-fPIC', '-Inative'];
      await run(compiler, [...wrapped, ...common, ...flags, '-c', file, '-o', object], {
        cwd: root,
      });
      const { stdout } = await run('nm', [object]);
      t.regex(stdout, / T /, 'the object holds a kernel');
      t.deepEqual(
        stdout.split('\n').filter((line) => / [WVu] /.test(line)),
        [],
      );
    });
  }
}
