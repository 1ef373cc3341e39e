// The package as it is built, for programs in processes and threads of their own: they start three
// times as fast as with a compiler between them and the sources.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What `import 'strongroom'` loads. @throws {Error} when lib/ was changed after the last build */
export const builtIndex: string = join(root, 'dist/index.js');
/** The command. */
export const builtCommand: string = join(root, 'dist/cli/main.js');

const built = statSync(builtIndex, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const changed = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .find((path) => statSync(join(root, 'lib', path)).mtimeMs > built);
if (changed !== undefined) throw new Error(`lib/${changed} is newer than dist/: npm run build`);
