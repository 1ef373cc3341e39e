// The types in the tarball under every TypeScript that users have: the consumer of test/types,
// compiled with skipLibCheck off, with the lib of Node alone and with the DOM's.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { borrow, borrowNode, borrowNpm } from '../borrow.mjs';
import { run } from './run.mjs';
import { strangers, withInstalled } from './stranger.mjs';

const compilers = ['5.4.5', '5.5.4', '5.6.3', '5.7.3', '5.8.3', '5.9.3', '6.0.3', '7.0.2'];
const libs = [['es2022'], ['es2022', 'dom', 'dom.iterable']];

export function compileConsumer(tarball) {
  const [{ node: major, npm }] = strangers;
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const types = `@types/node@${lock.packages['node_modules/@types/node'].version}`;
  withInstalled([tarball, types], [borrowNode(major), borrowNpm(npm)], (folder, options) => {
    // A module, whatever the package.json of the folder says.
    cpSync('test/types/consumer.ts', join(folder, 'consumer.mts'));
    for (const version of compilers) {
      const at = borrow(`typescript-${version}`, [`typescript@${version}`]);
      const tsc = join(at, 'node_modules/typescript/bin/tsc');
      for (const lib of libs) {
        writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(configOf(lib)));
        run(process.execPath, [tsc, '-p', '.'], { ...options, stdio: ['ignore', 'pipe', 2] });
      }
    }
    console.log(`ok   types with ${types}, TypeScript ${compilers.join(', ')}`);
  });
}

/** As in test/types, but for where the package comes from. */
function configOf(lib) {
  const { compilerOptions } = JSON.parse(readFileSync('test/types/tsconfig.json', 'utf8'));
  const { paths, rootDir, ...kept } = compilerOptions;
  return { compilerOptions: { ...kept, lib }, files: ['consumer.mts'] };
}
