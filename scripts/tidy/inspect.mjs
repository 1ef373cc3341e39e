// All checks over one tree.
import { banned } from './banned.mjs';
import {
  checkContents,
  checkLeftovers,
  checkLock,
  checkOpenings,
  checkSources,
  checkWidth,
} from './files.mjs';
import { checkImports, checkIncludes, checkInstructionSets, checkReachable } from './layers.mjs';
import { blank, functions, lineOf } from './text.mjs';
import { Tree } from './tree.mjs';

const entries = [
  /^lib\/(index|cli\/main|drivers\/[^/]+|fetch\/handler)\.ts$/,
  /^test\/.*\.test\.ts$/,
  /^test\/types\//,
  /^bench\/[^/]+\.ts$/,
  /^examples\/.*\.ts$/,
];

/** What must be mended, and what is only worth a thought, in the tree below `root`. */
export function inspect(root) {
  const tree = new Tree(root);
  const problems = [];
  const report = (path, line, message) => problems.push(`${path}:${line}: ${message}`);
  const layers = JSON.parse(tree.text('layers.json'));
  checkIncludes(tree, layers, report);
  checkImports(tree, layers, report);
  checkInstructionSets(tree, checkSources(tree, report), report);
  checkReachable(tree, entries, report);
  checkBanned(tree, report);
  checkOpenings(tree, report);
  checkWidth(tree, report);
  checkLeftovers(tree, report);
  checkContents(tree, report);
  checkLock(tree, report);
  return { problems, notes: longOnes(tree) };
}

function checkBanned(tree, report) {
  for (const path of tree.paths(/^(native|lib|test|bench|examples)\/.*\.(cc|h|ts)$/)) {
    const rules = banned.filter((rule) => rule.where.test(path) && !rule.except.test(path));
    if (rules.length === 0) continue;
    const code = blank(tree.text(path), { language: path.endsWith('.ts') ? 'ts' : 'c++' });
    for (const { call, instead } of rules) {
      for (const match of code.matchAll(new RegExp(call, `${call.flags.replace('g', '')}g`))) {
        report(path, lineOf(code, match.index), `${match[0].trim()}: use ${instead}`);
      }
    }
  }
}

/** Lengths are a smell to discuss, never a failure. */
function longOnes(tree) {
  const notes = [];
  for (const path of tree.paths(/^(native|lib)\/.*\.(cc|h|ts)$/)) {
    const language = path.endsWith('.ts') ? 'ts' : 'c++';
    const lines = tree.lines(path).length;
    if (lines > (language === 'ts' ? 250 : 400)) notes.push(`${path}: ${lines} lines`);
    const code = blank(tree.text(path), { language });
    for (const found of functions(code, language)) {
      if (found.lines > 60) notes.push(`${path}:${found.line}: a function of ${found.lines} lines`);
    }
  }
  return notes;
}
