// Uses the tarball as a stranger would: an empty folder, an empty home, no install scripts.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { borrowNode, borrowNpm } from '../borrow.mjs';
import { run } from './run.mjs';

/** What a machine needs to reach its registry; nothing else of ours reaches the stranger. */
const network = /^(NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(https?|no)_proxy)$/i;
const ways = Object.fromEntries(Object.entries(process.env).filter(([name]) => network.test(name)));

const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];

/** npm 12 blocks install scripts and refuses Node 20. */
export const strangers = [
  { node: 20, npm: '11.21.2' },
  { node: 24, npm: '12.2.2' },
];

/**
 * Calls `use` with a folder in which `npm`, run by `node`, has installed the packages; then removes
 * it.
 */
export function withInstalled(packages, [node, npm], use) {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-installed-'));
  const options = { cwd: folder, env: { ...ways, PATH: process.env.PATH, HOME: folder } };
  try {
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    const install = () => run(node, [npm, 'install', ...quiet, ...packages], options);
    use(folder, options, { seconds: secondsOf(install), install });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function secondsOf(work) {
  const began = performance.now();
  work();
  return ((performance.now() - began) / 1000).toFixed(1);
}

/** The README's program for plain JavaScript, imported and required, on one store. */
export function quickStart(folder, options, node) {
  const [, program] = /^```js\n(.*?)^```$/ms.exec(readFileSync('README.md', 'utf8'));
  const required = program.replace(/^import (.*) from '(.*)';$/m, "const $1 = require('$2');");
  const programs = {
    'import.mjs': program,
    'require.cjs': `(async () => {\n${required}})();\n`,
  };
  return Object.entries(programs).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    const said = run(node, [name], options);
    if (said !== 'hi\n') throw new Error(`${name} on the installed package said ${said}`);
    return `${name} said ${said.trim()}`;
  });
}

export function useIt(tarball) {
  for (const { node: major, npm: version } of strangers) {
    const node = borrowNode(major);
    const use = (folder, options, { seconds, install }) => {
      rmSync(join(folder, 'node_modules'), { recursive: true });
      const again = secondsOf(install);
      const said = quickStart(folder, options, node);
      const cli = join(folder, 'node_modules/strongroom/dist/cli/main.js');
      said.push(`strongroom --version said ${run(node, [cli, '--version'], options).trim()}`);
      const installed = readdirSync(join(folder, 'node_modules')).filter((name) => name[0] !== '.');
      console.log(`ok   npm ${version}, Node ${run(node, ['-v']).trim()}: ${installed.join(', ')}`);
      console.log(`     installed in ${seconds} s, with a warm cache in ${again} s`);
      console.log(`     ${said.join('; ')}`);
    };
    withInstalled([tarball], [node, borrowNpm(version)], use);
  }
}
