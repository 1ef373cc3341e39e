// What publint and are-the-types-wrong say about the tarball.
import { join } from 'node:path';
import { borrow } from '../borrow.mjs';
import { run } from './run.mjs';

const linters = { publint: '0.3.25', '@arethetypeswrong/cli': '0.18.5' };

export function lint(tarball) {
  const packages = Object.entries(linters).map(([name, version]) => `${name}@${version}`);
  const folder = borrow('package-linters', packages);
  const tool = (path) => join(folder, 'node_modules', path);
  run(process.execPath, [tool('publint/src/cli.js'), 'run', tarball, '--strict']);
  console.log(`ok   publint ${linters.publint}: clean`);
  // ESM only: Node >= 20.19 requires it all the same, older resolutions do not count.
  const attw = tool('@arethetypeswrong/cli/dist/index.js');
  run(process.execPath, [attw, tarball, '--profile', 'esm-only', '--no-emoji']);
  console.log(`ok   are-the-types-wrong ${linters['@arethetypeswrong/cli']}: clean`);
}
