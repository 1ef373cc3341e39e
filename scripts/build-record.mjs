// Knows by content what the native build was made from, so that nothing is configured or compiled
// without need: file times say too much after a checkout and too little after a restored copy.
import { createHash } from 'node:crypto';
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** What the Makefile is generated from; a change of any other file needs no new one. */
const configuration = [
  'binding.gyp',
  'native/sources.gypi',
  'out/vendor/node',
  'package-lock.json',
  'scripts/precompile.mjs',
];
const inputs = [...configuration, 'native', 'out/vendor/leveldb'];
const makefile = 'build/Makefile';

function filesBelow(path) {
  if (!statSync(path).isDirectory()) return path.endsWith('.md') ? [] : [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

function contents(roots) {
  const paths = [...new Set(roots.flatMap(filesBelow))].sort();
  return Object.fromEntries(
    paths.map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]),
  );
}

export class BuildRecord {
  #path;
  #now = contents(inputs);
  #last = { configured: '', files: {}, outputs: [] };

  constructor(path) {
    this.#path = path;
    if (existsSync(path)) this.#last = JSON.parse(readFileSync(path, 'utf8'));
  }

  /** All of `outputs` stand, made from what is on disk now. */
  has(outputs) {
    const same = JSON.stringify(this.#last.files) === JSON.stringify(this.#now);
    return same && outputs.every((path) => this.#last.outputs.includes(path) && existsSync(path));
  }

  get isConfigured() {
    return existsSync(makefile) && this.#last.configured === this.#configuration();
  }

  configured() {
    this.#write({ ...this.#last, configured: this.#configuration(), outputs: [] });
  }

  /**
   * make compares times: a file with new content must be newer than any object. Written before the
   * build, so that an interrupted one leaves a record that claims no output.
   */
  begin() {
    const changed = Object.keys(this.#now).filter((path) => !this.#isAsBefore(path));
    const before = existsSync(this.#path) ? statSync(this.#path).mtimeMs : 0;
    for (const path of changed) {
      if (statSync(path).mtimeMs <= before) utimesSync(path, new Date(), new Date());
    }
    this.#write({ ...this.#last, files: this.#now, outputs: [] });
  }

  finish(outputs) {
    this.#write({ ...this.#last, outputs });
  }

  #isAsBefore(path) {
    return this.#last.files[path] === this.#now[path];
  }

  #configuration() {
    return JSON.stringify([process.version, process.arch, contents(configuration)]);
  }

  #write(record) {
    this.#last = record;
    writeFileSync(this.#path, JSON.stringify(record));
  }
}
