// The child that starts afresh: opens the store, gets one object, says so. Plain JavaScript, so
// that no loader is timed.
//   answer.mjs STORE KEY    or without arguments: only loads the package, as a floor
import { createHash } from 'node:crypto';
import { open } from 'strongroom';

const [path, key] = process.argv.slice(2);
if (path === undefined) {
  console.log('{}');
} else {
  const store = await open(path, { zones: 3, create: false });
  const bytes = await (await store.bucket('bench').get(key))?.bytes();
  const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
  console.log(JSON.stringify({ sha256: sha256 ?? 'absent' }));
  await store.close();
}
