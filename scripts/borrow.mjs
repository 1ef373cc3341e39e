// Installs npm packages into out/NAME for one script to use. They are no dependencies of the
// project: the ordinary install and its lock know nothing of them. Every version is exact.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './tool.mjs';

const out = fileURLToPath(new URL('../out', import.meta.url));

/** The versions of Node that the package is tested on. */
export const nodes = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.12.1' };

/** @returns the folder whose node_modules holds `packages`, each `name@version` */
export function borrow(name, packages) {
  const folder = resolve(out, name);
  // Written last, so that an interrupted install is made again.
  const stamp = resolve(folder, 'borrowed');
  const wanted = packages.join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(resolve(folder, 'package.json'), '{"private":true}\n');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  const { status, error } = spawnSync('npm', ['install', ...quiet, ...packages], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    env: cleanEnvironment(),
  });
  if (error || status !== 0) throw new Error(`${packages.join(' ')} cannot be installed`);
  writeFileSync(stamp, wanted);
  return folder;
}

/** The program of one supported version of Node, as an npm package carries it. */
export function borrowNode(major) {
  if (!Object.hasOwn(nodes, major)) throw new Error(`Node ${major} is not one of the supported`);
  const carrier = `node-${process.platform}-${process.arch}`;
  const folder = borrow(`node-${major}`, [`${carrier}@${nodes[major]}`]);
  return resolve(folder, 'node_modules', carrier, 'bin/node');
}

/** @returns the file that Node runs as that npm */
export function borrowNpm(version) {
  const folder = borrow(`npm-${version.split('.')[0]}`, [`npm@${version}`]);
  return resolve(folder, 'node_modules/npm/bin/npm-cli.js');
}
