// Makes a tree of files that is the same for the same seed: N files of 0 B to 64 MiB, or to LARGEST
// bytes, with names and nesting that break careless code.
//   node scripts/seed-tree.mjs N SEED DIRECTORY [LARGEST]
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const [count, seed, directory] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
if (!Number.isInteger(count) || count < 1 || seed === undefined || directory === undefined) {
  console.error('usage: node scripts/seed-tree.mjs N SEED DIRECTORY [LARGEST]');
  process.exit(2);
}

const KiB = 1024;
const MiB = 1024 * KiB;
const largest = Number(process.argv[5] ?? 64 * MiB);
// Around a chunk, around a stripe, and the largest.
const edges = [1, 65535, 65536, 65537, 262143, 262144, 262145, 327680, MiB, 64 * MiB];

// One stream of numbers for the shape of the tree, one for contents.
const shape = cipher('shape');
const content = cipher('content');
const zeros = Buffer.alloc(MiB);
function cipher(purpose) {
  const key = createHash('sha256').update(`${purpose} ${seed}`).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
}
/** In [0, 1). */
function random() {
  return shape.update(zeros.subarray(0, 6)).readUIntBE(0, 6) / 2 ** 48;
}
function choose(list) {
  return list[Math.floor(random() * list.length)];
}
function logUniform(from, to) {
  return Math.floor(from * (to / from) ** random());
}

/** Two log-uniform bands: most files are small, one in a hundred is large and weighs most. */
function size(i) {
  if (i < edges.length) return edges[i];
  const kind = random();
  if (kind < 0.02) return 0;
  return kind < 0.99 ? logUniform(1, 2 * MiB) : logUniform(2 * MiB, 64 * MiB);
}

const oddities = [
  'with space',
  'new\nline',
  'tab\there',
  'quote"\'',
  'percent%2F',
  'back\\slash',
  '..almost',
  '.hidden',
  '-dash',
  'Ünïcode',
  'e\u0301 decomposed',
  '\u00e9 composed',
  '日本語',
  '👩‍🚀',
  'a&b<c>',
  'trailing.',
  '~',
  '$HOME',
  '*?[x]',
  'x'.repeat(200),
];
const folders = [''];
function folder() {
  if (random() > 0.1) return choose(folders);
  const depth = choose(folders);
  if (depth.length > 500) return depth;
  const made = join(depth, random() < 0.2 ? choose(oddities) : `folder-${folders.length}`);
  if (!folders.includes(made)) folders.push(made);
  return made;
}
function name(i) {
  return random() < 0.1 ? `${i} ${choose(oddities)}` : `file-${i}.bin`;
}

let total = 0;
const manifest = createHash('sha256');
for (let i = 0; i < count; i++) {
  const below = folder();
  const path = join(below, name(i));
  const bytes = Math.min(size(i), largest);
  mkdirSync(join(directory, below), { recursive: true });
  if (bytes === 0) writeFileSync(join(directory, path), '');
  else writeRandom(join(directory, path), bytes);
  manifest.update(`${path}\0${bytes}\0`);
  total += bytes;
}
console.log(`${count} files, ${total} bytes, shape ${manifest.digest('hex').slice(0, 16)}`);

function writeRandom(path, bytes) {
  const file = openSync(path, 'w');
  for (let left = bytes; left > 0; left -= MiB) {
    const piece = content.update(zeros.subarray(0, Math.min(left, MiB)));
    manifest.update(piece.subarray(0, 16));
    writeSync(file, piece);
  }
  closeSync(file);
}
