// The project's own files as tidy sees them: those that git tracks or would track.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const generated = /^(\.git|node_modules|out|build|dist|prebuilds|coverage)$/;

function tracked(root) {
  const { status, stdout, stderr } = spawnSync(
    'git',
    ['ls-files', '-co', '--exclude-standard', '-z'],
    { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (status !== 0) throw new Error(`git ls-files: ${stderr}`);
  return stdout.split('\0').filter(Boolean);
}

export class Tree {
  constructor(root) {
    this.root = root;
    const paths = existsSync(join(root, '.git')) ? tracked(root) : this.walk('', /./);
    this.all = [...new Set(paths)].filter((path) => this.isFile(path)).sort();
    this.set = new Set(this.all);
    this.texts = new Map();
  }
  isFile(path) {
    return statSync(join(this.root, path), { throwIfNoEntry: false })?.isFile() ?? false;
  }
  walk(below, pattern) {
    const folder = join(this.root, below);
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = below ? `${below}/${entry.name}` : entry.name;
      if (entry.isDirectory()) return generated.test(path) ? [] : this.walk(path, pattern);
      return pattern.test(path) ? [path] : [];
    });
  }
  paths(pattern) {
    return this.all.filter((path) => pattern.test(path));
  }
  has(path) {
    return this.set.has(path);
  }
  onDisk(path) {
    return existsSync(join(this.root, path));
  }
  size(path) {
    return statSync(join(this.root, path)).size;
  }
  text(path) {
    if (!this.texts.has(path)) this.texts.set(path, readFileSync(join(this.root, path), 'utf8'));
    return this.texts.get(path);
  }
  lines(path) {
    return this.text(path).replace(/\n$/, '').split('\n');
  }
}
