// What must hold for every file: width, left-overs, size, paths of one machine, listed sources.
import { dirname } from 'node:path';
import { blank } from './text.mjs';

const columnsMax = 100; // Two panes on one screen.
const bytesMax = 1_000_000;
const code = /\.(cc|h|ts|mjs|js|gyp)$|(^|\/)CMakeLists\.txt$|^\.ci\//;
const text =
  /\.(cc|h|ts|mjs|js|cjs|gyp|gypi|json|md|txt|yml|yaml|sh)$|(^|\/)CMakeLists\.txt$|^\.ci\//;
const machine = /(?:^|[^\w.~}])(\/(?:home|root|Users|work|workspace)\/[\w.-]+)|([A-Z]:\\Users\\)/;

export function checkWidth(tree, report) {
  for (const path of tree.paths(code)) {
    tree.lines(path).forEach((line, i) => {
      const columns = [...line].length;
      if (columns > columnsMax) report(path, i + 1, `${columns} columns, at most ${columnsMax}`);
    });
  }
  for (const path of tree.paths(/\.md$/)) {
    let fenced = false;
    tree.lines(path).forEach((line, i) => {
      if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
      // Tables cannot be wrapped, nor can a word that is one long address.
      const free = fenced || /^\s*\|/.test(line) || !/\S\s+\S.*$/.test(line.slice(columnsMax - 20));
      const columns = [...line].length;
      if (!free && columns > columnsMax) {
        report(path, i + 1, `${columns} columns of prose, at most ${columnsMax}`);
      }
    });
  }
}

/**
 * Every file says in its first line what it is. A test is named by what it tests, and the header
 * speaks for the file that begins by including it.
 */
export function checkOpenings(tree, report) {
  for (const path of tree.paths(/^(lib|native|bench|examples|scripts)\/.*\.(cc|h|ts|mjs)$/)) {
    if (/_(test|fuzz|bench)\.cc$/.test(path)) continue;
    const [first, second = ''] = tree.lines(path);
    const header = path.replace(/^native\/(.*)\.cc$/, '$1.h');
    if (first === `#include "${header}"` && tree.has(`native/${header}`)) continue;
    if (!/^(\/\/|\/\*)/.test(first.startsWith('#!') ? second : first)) {
      report(path, 1, 'begins without the sentence that names its idea');
    }
  }
}

export function checkLeftovers(tree, report) {
  for (const path of tree.paths(/^(lib|native|test|bench|examples|scripts)\/.*\.(cc|h|ts|mjs)$/)) {
    if (/^scripts\/tidy|tidy\.test\.ts$/.test(path)) continue; // They name what they look for.
    const language = /\.(cc|h)$/.test(path) ? 'c++' : 'ts';
    const lines = tree.lines(path);
    const codeLines = blank(tree.text(path), { language }).split('\n');
    lines.forEach((line, i) => {
      if (/\b(FIXME|XXX)\b/.test(line)) report(path, i + 1, 'FIXME: mend it or file it');
      if (/\bTODO\b(?!\()/.test(line)) report(path, i + 1, 'TODO without (where it is tracked)');
      if (/\.only\(/.test(codeLines[i])) report(path, i + 1, '.only( leaves out all other tests');
      if (/\.skip\(/.test(codeLines[i]) && !/\/\/\s*\S/.test(`${lines[i - 1] ?? ''}${line}`)) {
        report(path, i + 1, '.skip( without a reason in a comment on it or before it');
      }
    });
  }
}

export function checkContents(tree, report) {
  for (const path of tree.all) {
    if (tree.size(path) > bytesMax) {
      report(path, 1, `${tree.size(path)} bytes: data over ${bytesMax} does not belong here`);
    }
    if (!text.test(path) || /^scripts\/tidy/.test(path)) continue;
    tree.lines(path).forEach((line, i) => {
      const found = machine.exec(line);
      if (found) report(path, i + 1, `${found[1] ?? found[2]} is a path of one machine`);
      if (/package-lock\.json$/.test(path) && /^\s*"resolved":/.test(line)) {
        report(path, i + 1, '"resolved" names one registry: set omit-lockfile-registry-resolved');
      }
    });
  }
}

/**
 * A registry that lacked a package when the lock was made leaves a hole in it, and `npm ci` refuses
 * such a lock.
 */
export function checkLock(tree, report) {
  for (const path of tree.paths(/(^|\/)package-lock\.json$/)) {
    const { packages = {} } = JSON.parse(tree.text(path));
    const names = new Set(Object.keys(packages).map((key) => key.split('node_modules/').at(-1)));
    for (const [key, { dependencies, optionalDependencies }] of Object.entries(packages)) {
      for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
        if (!names.has(name)) report(path, 1, `${key || 'the project'} needs ${name}: not locked`);
      }
    }
  }
}

/** native/sources.gypi against the disk, both ways. Returns the lists. */
export function checkSources(tree, report) {
  const path = 'native/sources.gypi';
  if (!tree.has(path)) return {};
  let lists;
  try {
    lists = JSON.parse(tree.text(path)).variables;
  } catch (error) {
    report(path, 1, `must be strict JSON, gyp and CMake both read it: ${error.message}`);
    return {};
  }
  const listed = new Map();
  for (const [name, files] of Object.entries(lists)) {
    if (/_(files|dir|path)$/.test(name)) report(path, 1, `${name}: gyp rewrites such names`);
    if (!name.endsWith('_sources')) continue;
    for (const file of files) {
      if (listed.has(file)) report(path, 1, `${file} stands in ${listed.get(file)} and ${name}`);
      listed.set(file, name);
      const vendored = file.startsWith('out/');
      if (!tree.onDisk(file) && (!vendored || tree.onDisk('out/vendor/leveldb'))) {
        report(path, 1, `${file} does not exist`);
      }
    }
  }
  const vendored = tree.walk('out/vendor/leveldb', /\.cc$/);
  const bundles = vendored.filter((file) => listed.has(file));
  const bundled = new Set(bundles.flatMap((file) => includedBy(tree, file)));
  for (const file of [...tree.paths(/^native\/.*\.cc$/), ...vendored]) {
    if (!listed.has(file) && !bundled.has(file))
      report(file, 1, 'stands in no list of native/sources.gypi');
  }
  return lists;
}

/** LevelDB is compiled in bundles, which include its sources. */
function includedBy(tree, bundle) {
  const includes = tree.text(bundle).matchAll(/^#include "([^"]+\.cc)"$/gm);
  return [...includes].map(([, path]) => `${dirname(bundle)}/${path}`);
}
