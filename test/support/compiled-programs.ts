// Programs that users read, compiled as users compile them: with types checked, against the package
// as it is built in dist/. One run of the compiler serves them all.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import './built-package.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compilerOptions = {
  ...{
    target: 'es2022',
    module: 'nodenext',
    types: ['node'],
    lib: ['es2023', 'esnext.disposable'],
  },
  ...{ strict: true, skipLibCheck: true, rootDir: 'ts', outDir: 'js' },
};

/**
 * @param name of a folder for them, below out/: inside the package, so that `import 'strongroom'`
 *   finds it, and outside what is tracked
 * @param sources the text of each program by its name, without an ending
 * @returns the path of each compiled program
 * @throws {Error} with the compiler's words
 */
export function compilePrograms(
  name: string,
  sources: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const folder = join(root, 'out', name);
  rmSync(folder, { recursive: true, force: true });
  for (const [program, text] of sources) {
    const path = join(folder, 'ts', `${program}.ts`);
    mkdirSync(dirname(path), { recursive: true });
    // A program may declare what another one does.
    writeFileSync(path, `${text}\nexport {};\n`);
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['ts'] }),
  );
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  } catch (error) {
    throw new Error((error as { stdout?: string }).stdout ?? String(error));
  }
  return new Map(
    [...sources.keys()].map((program) => [program, join(folder, 'js', `${program}.js`)]),
  );
}
