// `npx strongroom build` on the installed package, as on a machine that no prebuild fits: without
// network, in a namespace that has none where the system allows one.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { borrowNode, borrowNpm } from '../borrow.mjs';
import { run } from './run.mjs';
import { quickStart, strangers, withInstalled } from './stranger.mjs';

const noNetwork = ['--map-root-user', '--net'];

export function buildOffline(tarball) {
  const { status } = spawnSync('unshare', [...noNetwork, 'true'], { stdio: 'ignore' });
  const isolated = status === 0;
  for (const { node: major, npm: version } of strangers) {
    const node = borrowNode(major);
    const npm = borrowNpm(version);
    withInstalled([tarball], [node, npm], (folder, options) => {
      rmSync(join(folder, 'node_modules/strongroom/prebuilds'), { recursive: true });
      const npx = [node, npm, 'exec', '--offline', '--', 'strongroom', 'build'];
      const [command, ...args] = isolated ? ['unshare', ...noNetwork, ...npx] : npx;
      const began = performance.now();
      const built = run(command, args, options).trim();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const how = isolated ? 'without a network' : 'offline by option only: unshare is refused';
      console.log(`ok   npx strongroom build, npm ${version}, ${how}: ${seconds} s`);
      console.log(
        `     ${built.slice(folder.length + 1)}; ${quickStart(folder, options, node).join('; ')}`,
      );
    });
  }
}
