// The architecture as a test: layers, doors, forbidden calls, widths, left-overs. Prints what it
// found and fails; long files and functions are printed without failing.
//   node scripts/tidy.mjs [ROOT]
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from './tidy/inspect.mjs';

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
const { problems, notes } = inspect(root);
for (const note of notes) console.log(`long: ${note}`);
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(`tidy: ${problems.length} found`);
  process.exit(1);
}
