// The declarations that are shipped, as a consumer's strict compiler sees them.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));

async function tsc(...args: string[]): Promise<string> {
  const compiler = `${root}node_modules/typescript/bin/tsc`;
  try {
    return (await promisify(execFile)(process.execPath, [compiler, ...args], { cwd: root })).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test('a consumer compiles with skipLibCheck false, and its wrong calls do not', async (t) => {
  const declare = ['--emitDeclarationOnly', '--declarationMap', 'false', '--outDir', 'out/types'];
  t.is(await tsc('-p', 'tsconfig.json', ...declare), '');
  t.is(await tsc('-p', 'test/types/tsconfig.json'), '');
  // Where the DOM's types are loaded, Blob, Response and streams are types of their own.
  t.is(await tsc('-p', 'test/types/tsconfig.dom.json'), '');
});
