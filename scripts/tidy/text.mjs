// Reads C++ and TypeScript as far as tidy needs it: which characters are code, which comments or
// strings, where functions begin and end. A scanner of some hundred lines, not a parser: it is
// right for code that a formatter has seen.

const regexMayFollow = /(?:^|[=(,:;!&|?{}[+\-*%~^<>]|\b(?:return|typeof|case|of|in|await))\s*$/;

/**
 * The source with comments (and, unless told otherwise, strings) blanked out. Line breaks stay, so
 * positions and line numbers are those of the source.
 */
export function blank(source, { language, keepStrings = false }) {
  const out = [...source];
  const erase = (from, to) => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' ';
  };
  let i = 0;
  const at = (text) => source.startsWith(text, i);
  while (i < source.length) {
    const from = i;
    if (at('//')) {
      i = endOf(source, '\n', i);
      erase(from, i);
    } else if (at('/*')) {
      i = endOf(source, '*/', i + 2, 2);
      erase(from, i);
    } else if (language === 'c++' && /^R"[^(\s]*\(/.test(source.slice(i, i + 20))) {
      const label = source.slice(i + 2, source.indexOf('(', i));
      i = endOf(source, `)${label}"`, i, label.length + 2);
      if (!keepStrings) erase(from, i);
    } else if (language === 'c++' && at("'") && /[0-9a-fA-F]/.test(source[i - 1] ?? '')) {
      i++; // A digit separator: 1'000.
    } else if (at('"') || at("'")) {
      i = endOfString(source, i);
      if (!keepStrings) erase(from + 1, i - 1);
    } else if (language === 'ts' && at('`')) {
      i = endOfTemplate(source, i);
      if (!keepStrings) erase(from + 1, i - 1);
    } else if (language === 'ts' && at('/') && regexMayFollow.test(source.slice(0, i).slice(-80))) {
      i = endOfRegex(source, i);
      if (!keepStrings) erase(from + 1, i - 1);
    } else {
      i++;
    }
  }
  return out.join('');
}

function endOf(source, mark, from, length = 0) {
  const found = source.indexOf(mark, from);
  return found < 0 ? source.length : found + length;
}
function endOfString(source, from) {
  let i = from + 1;
  while (i < source.length && source[i] !== source[from] && source[i] !== '\n') {
    i += source[i] === '\\' ? 2 : 1;
  }
  return i + 1;
}
function endOfRegex(source, from) {
  let i = from + 1;
  let inClass = false;
  while (i < source.length && source[i] !== '\n' && (inClass || source[i] !== '/')) {
    if (source[i] === '[') inClass = true;
    if (source[i] === ']') inClass = false;
    i += source[i] === '\\' ? 2 : 1;
  }
  return i + 1;
}
function endOfTemplate(source, from) {
  let i = from + 1;
  while (i < source.length && source[i] !== '`') {
    if (source.startsWith('${', i)) i = endOfSubstitution(source, i + 2);
    else i += source[i] === '\\' ? 2 : 1;
  }
  return i + 1;
}
function endOfSubstitution(source, from) {
  let depth = 1;
  let i = from;
  while (i < source.length && depth > 0) {
    if (source[i] === '`') i = endOfTemplate(source, i);
    else if (source[i] === '"' || source[i] === "'") i = endOfString(source, i);
    else {
      if (source[i] === '{') depth++;
      if (source[i] === '}') depth--;
      i++;
    }
  }
  return i;
}

export function lineOf(source, position) {
  let line = 1;
  for (let i = source.indexOf('\n'); i >= 0 && i < position; i = source.indexOf('\n', i + 1))
    line++;
  return line;
}

const control = /\b(?:if|for|while|switch|catch|else|do|try)\b[^;]*$/;
const opensFunction = {
  'c++': /\)\s*(?:(?:const|noexcept|override|final|mutable)\s*)*(?:->\s*[\w:<>*&\s]+|:\s[^;]*)?$/,
  ts: /(?:\)\s*(?::[^;={}]*)?|=>)\s*$/,
};

/** Functions in blanked text as {line, lines}; lambdas and nested functions included. */
export function functions(code, language) {
  const found = [];
  const open = [];
  let headFrom = 0;
  for (let i = 0; i < code.length; i++) {
    if (code[i] === '{') {
      const head = code.slice(headFrom, i);
      const start = headFrom + (/\S/.exec(head)?.index ?? 0);
      const isFunction =
        opensFunction[language].test(head) && (/=>\s*$/.test(head) || !control.test(head));
      open.push(isFunction ? start : -1);
    } else if (code[i] === '}') {
      const start = open.pop() ?? -1;
      if (start >= 0) {
        const line = lineOf(code, start);
        found.push({ line, lines: lineOf(code, i) - line + 1 });
      }
    } else if (code[i] !== ';') {
      continue;
    }
    headFrom = i + 1;
  }
  return found;
}
