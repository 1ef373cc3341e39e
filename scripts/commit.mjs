// The commit that a figure was measured on.
import { spawnSync } from 'node:child_process';

/** Ten digits of its hash; with `-dirty` behind it when the code is another. */
export function commit() {
  const git = (...rest) => spawnSync('git', rest, { encoding: 'utf8' }).stdout.trim();
  const dirty = git('status', '--porcelain', '--', 'native', 'lib') === '' ? '' : '-dirty';
  return git('rev-parse', '--short=10', 'HEAD') + dirty;
}
