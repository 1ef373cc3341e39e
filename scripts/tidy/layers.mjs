// The folder graph: who may include or import whom (layers.json), and which files nobody reaches.
import { dirname, join, posix } from 'node:path';
import { blank, lineOf } from './text.mjs';

const imports = new RegExp(
  [
    String.raw`\b(?:import|export)\s[^'";]*?\bfrom\s*['"]([^'"]+)['"]`,
    String.raw`\bimport\s*\(?\s*['"]([^'"]+)['"]`,
    String.raw`\bnew URL\(\s*['"](\.[^'"]+)['"]\s*,\s*import\.meta\.url`,
  ].join('|'),
  'g',
);

/** Room -> tier. A room is a folder or a file of the top, or a path declared on its own. */
class Tiers {
  constructor(tiers) {
    this.tierOf = new Map(tiers.flatMap((rooms, tier) => rooms.map((room) => [room, tier])));
  }
  room(inside) {
    for (const room of this.tierOf.keys()) if (room.includes('/') && inside === room) return room;
    return inside.includes('/')
      ? inside.slice(0, inside.indexOf('/'))
      : inside.replace(/\.\w+$/, '');
  }
  /** Why `from` may not use `to`, or null. */
  objection(from, to) {
    if (from === to) return null;
    for (const room of [from, to]) {
      if (!this.tierOf.has(room)) return `${room} has no place in layers.json`;
    }
    const [a, b] = [this.tierOf.get(from), this.tierOf.get(to)];
    if (b < a) return null;
    return b === a ? `${from} and ${to} are of one tier` : `${to} lies above ${from}`;
  }
}

export function checkIncludes(tree, layers, report) {
  const tiers = new Tiers(layers.native.tiers);
  const included = new Set();
  for (const path of tree.paths(/^native\/.*\.(cc|h)$/)) {
    const text = blank(tree.text(path), { language: 'c++', keepStrings: true });
    const room = tiers.room(path.slice('native/'.length));
    if (!tiers.tierOf.has(room)) report(path, 1, `folder ${room} has no place in layers.json`);
    for (const match of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
      const [, quote, name] = match;
      const line = lineOf(text, match.index);
      const owners = Object.entries(layers.native.thirdParty).find(([prefix]) =>
        prefix.endsWith('/') ? name.startsWith(prefix) : name === prefix,
      )?.[1];
      if (owners) {
        if (!owners.includes(room)) report(path, line, `<${name}> belongs to ${owners} only`);
        continue;
      }
      if (quote === '<') continue;
      if (!tree.has(`native/${name}`)) {
        // LevelDB's own headers lie in out/vendor and are reached from index only.
        if (room !== 'index') report(path, line, `"${name}" is not a path below native/`);
        continue;
      }
      included.add(`native/${name}`);
      const target = tiers.room(name);
      const objection = tiers.objection(room, target);
      if (objection) report(path, line, `includes "${name}": ${objection}`);
      const door = layers.native.doors[target];
      if (door && room !== target && !door.includes(name)) {
        report(path, line, `includes "${name}": ${target} is seen through ${door} only`);
      }
    }
  }
  for (const path of tree.paths(/^native\/.*\.h$/)) {
    // LevelDB itself includes its port header.
    if (!included.has(path) && !path.includes('/leveldb/')) report(path, 1, 'no file includes it');
  }
}

/** Files compiled with wide instructions must not pull in templates that the linker may share. */
export function checkInstructionSets(tree, lists, report) {
  const harmless = /^(immintrin|x86intrin|wmmintrin|tmmintrin|arm_neon|arm_acle|stdint|stddef)\.h$/;
  const look = (path, origin, seen) => {
    if (seen.has(path) || !tree.has(path)) return;
    seen.add(path);
    const text = blank(tree.text(path), { language: 'c++', keepStrings: true });
    for (const match of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
      if (match[1] === '"') look(`native/${match[2]}`, origin, seen);
      else if (!harmless.test(match[2])) {
        // Weak template symbols compiled with wide instructions may be linked for every CPU.
        report(origin, 1, `<${match[2]}> (through ${path}) in a file of one instruction set`);
      }
    }
  };
  for (const [name, files] of Object.entries(lists)) {
    if (!/_(ssse3|avx2|vpclmul256|gfni256|avx512|neon)_sources$/.test(name)) continue;
    for (const path of files) look(path, path, new Set());
  }
}

export function importsOf(tree, path) {
  const text = blank(tree.text(path), { language: 'ts', keepStrings: true });
  return [...text.matchAll(imports)]
    .map((match) => ({ name: match[1] ?? match[2] ?? match[3], line: lineOf(text, match.index) }))
    .filter(({ name }) => name.startsWith('.'))
    .map(({ name, line }) => ({ name, line, target: posix.join(dirname(path), name) }));
}

export function checkImports(tree, layers, report) {
  const tiers = new Tiers(layers.lib.tiers);
  for (const path of tree.paths(/^lib\/.*\.ts$/)) {
    const room = tiers.room(path.slice('lib/'.length));
    if (!tiers.tierOf.has(room)) report(path, 1, `${room} has no place in layers.json`);
    for (const { name, line, target } of importsOf(tree, path)) {
      if (!target.startsWith('lib/')) {
        if (/\.[cm]?[jt]s$/.test(target)) report(path, line, `imports ${name}: outside lib`);
        continue;
      }
      const objection = tiers.objection(room, tiers.room(target.slice('lib/'.length)));
      if (objection) report(path, line, `imports ${name}: ${objection}`);
    }
  }
}

/** TypeScript files that no entry point reaches. */
export function checkReachable(tree, entries, report) {
  const reached = new Set();
  const queue = tree
    .paths(/\.(ts|mjs)$/)
    .filter((path) => entries.some((entry) => entry.test(path)));
  while (queue.length > 0) {
    const path = queue.pop();
    if (reached.has(path) || !tree.has(path)) continue;
    reached.add(path);
    for (const { target } of importsOf(tree, path)) queue.push(join(target));
  }
  for (const path of tree.paths(/^(lib|test|bench)\/.*\.ts$/)) {
    if (!reached.has(path)) report(path, 1, 'nothing reaches it: no export, command or test');
  }
}
