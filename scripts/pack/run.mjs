// Runs one program of the packing; when it fails, everything does.
import { spawnSync } from 'node:child_process';
import { cleanEnvironment } from '../tool.mjs';

/** @returns what it wrote to stdout */
export function run(command, args, options = {}) {
  const { status, stdout, error } = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: cleanEnvironment(),
    ...options,
  });
  if (error || status !== 0) {
    process.stderr.write(stdout ?? '');
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}`);
  }
  return stdout;
}
