// The bench: answers written questions with ratios against a floor, measured in the same run.
//
//   npm run bench                       all questions: a table, then a line of JSON for each
//   npm run -s bench -- NAME --json     one; the last line of stdout is its JSON
//
// Exit code 0 when everything asked for was measured, met or missed; 2, and no line for it, when
// not.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { catchUp } from './catch-up.ts';
import { disturbed } from './disturbed.ts';
import { getDegraded } from './get-degraded.ts';
import { getLarge } from './get-large.ts';
import { getSmall } from './get-small.ts';
import { list } from './list.ts';
import { listVersions } from './list-versions.ts';
import { loopDelay } from './loop-delay.ts';
import { memory } from './memory.ts';
import { open } from './open.ts';
import { pipeline } from './pipeline.ts';
import { putLarge } from './put-large.ts';
import { putSmall } from './put-small.ts';
import { putSustained } from './put-sustained.ts';
import { makePlace, removeTree, requireDisk } from './rig/disk.ts';
import { describeMachine } from './rig/machine.ts';
import type { Question } from './rig/question.ts';
import { type Line, lineOf, printTable } from './rig/report.ts';
import { space } from './space.ts';
import { verify } from './verify.ts';

const questions: readonly Question[] = [
  putSmall,
  putSustained,
  putLarge,
  pipeline,
  getLarge,
  getDegraded,
  getSmall,
  list,
  listVersions,
  loopDelay,
  memory,
  open,
  verify,
  catchUp,
  disturbed,
  space,
];

interface Wish {
  readonly names: readonly string[];
  readonly json: boolean;
  readonly data: string;
  readonly quick: boolean;
}

async function main(): Promise<number> {
  const wish = readWish();
  if (wish === null) return 2;
  const [name, more] = wish.names;
  const only = questions.find((question) => question.name === name);
  if (only !== undefined && more === undefined) return answerOne(only, wish);
  return answerAll(wish);
}

function readWish(): Wish | null {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        data: { type: 'string', default: fileURLToPath(new URL('.data', import.meta.url)) },
      },
    });
    for (const name of positionals)
      if (!questions.some((question) => question.name === name))
        throw new Error(`there is no bench ${JSON.stringify(name)}`);
    const names = positionals.length > 0 ? positionals : questions.map(({ name }) => name);
    return { names, json: values.json, data: resolve(values.data), quick: values.quick };
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    say('usage: npm run -s bench -- [NAME ...] [--json] [--data DIRECTORY] [--quick]');
    for (const { name, asks } of questions) say(`  ${name.padEnd(14)} ${asks}`);
    return null;
  }
}

async function answerOne(question: Question, { json, data, quick }: Wish): Promise<number> {
  let place = '';
  // Gigabytes must not stay behind when somebody loses patience.
  const interrupted = (): void => void removeTree(place).finally(() => process.exit(130));
  try {
    const fs = await requireDisk(data);
    place = await makePlace(data);
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
    say(`${question.name}: ${question.asks}`);
    const answer = await question.measure({ place, data, quick, say: (text) => say(`  ${text}`) });
    const line = lineOf(question, answer, await describeMachine(fs, quick));
    if (!json) printTable([line]);
    console.log(JSON.stringify(line));
    return 0;
  } catch (error) {
    say(`${question.name}: not measured: ${error instanceof Error ? error.message : error}`);
    if (process.env.DEBUG && error instanceof Error) say(String(error.stack));
    return 2;
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    if (place !== '') await removeTree(place);
  }
}

/** Each question in a process of its own: none inherits the memory or the threads of another. */
async function answerAll(wish: Wish): Promise<number> {
  const lines: Line[] = [];
  let exitCode = 0;
  for (const name of wish.names) {
    const line = await answerInChild(name, wish);
    if (line === null) exitCode = 2;
    else lines.push(line);
  }
  printTable(lines);
  for (const line of lines) console.log(JSON.stringify(line));
  return exitCode;
}

async function answerInChild(name: string, { data, quick }: Wish): Promise<Line | null> {
  const args = [fileURLToPath(import.meta.url), name, '--json', '--data', data];
  if (quick) args.push('--quick');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const code = await new Promise<number | null>((end, fail) => {
    child.on('error', fail).on('close', end);
  });
  const last = stdout.trimEnd().split('\n').at(-1);
  return code === 0 && last ? (JSON.parse(last) as Line) : null;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

process.exitCode = await main();
