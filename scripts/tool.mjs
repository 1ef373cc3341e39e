// Runs a JavaScript tool from node_modules without what a user's npm configuration says: node-gyp
// and cmake-js let npm_config_* variables override their command line, and a `nodedir` there would
// make them compile against headers of another Node.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

export function cleanEnvironment(additions = {}) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_(package_)?config_/i.test(name),
  );
  return { ...Object.fromEntries(kept), ...additions };
}

/** Runs node_modules/<name>/<entry>; its output goes to stderr. Returns the exit code. */
export function runTool(name, entry, args, additions = {}) {
  const script = join(dirname(require.resolve(`${name}/package.json`)), entry);
  const { status, error } = spawnSync(process.execPath, [script, ...args], {
    stdio: ['ignore', 2, 2],
    env: cleanEnvironment(additions),
  });
  if (error) console.error(`${name}: ${error.message}`);
  return status ?? 1;
}
