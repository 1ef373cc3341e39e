// The report: one line of JSON for programs, one row of a table for people.
import { median, rounded, short } from './figures.ts';
import type { Machine } from './machine.ts';
import type { Answer, Peers, Question } from './question.ts';

/** The last line of stdout: exactly these fields. */
export interface Line {
  readonly bench: string;
  /** The figure that decides: the median of the rounds, or what the question says instead. */
  readonly ratio: number;
  readonly goal: number;
  readonly better: 'higher' | 'lower';
  readonly unit: string;
  /** The extremes of the rounds. */
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  readonly pass: boolean;
  readonly detail: Machine & {
    readonly ours: number;
    readonly floor: number;
    readonly peers: Peers;
  };
}

export function lineOf(question: Question, answer: Answer, machine: Machine): Line {
  const { figures, goal = question.goal } = answer;
  const ratio = answer.ratio ?? median(figures);
  const { better } = question;
  return {
    bench: question.name,
    ratio: rounded(ratio),
    goal,
    better,
    unit: question.unit,
    low: rounded(Math.min(...figures)),
    high: rounded(Math.max(...figures)),
    rounds: figures.length,
    pass: better === 'higher' ? ratio >= goal : ratio <= goal,
    detail: {
      ours: rounded(answer.ours),
      floor: rounded(answer.floor),
      peers: Object.fromEntries(
        Object.entries(answer.peers).map(([name, figure]) => [
          name,
          typeof figure === 'number' ? rounded(figure) : figure,
        ]),
      ),
      ...machine,
    },
  };
}

const columns = ['bench', 'ratio', 'goal', 'low .. high', 'ours', 'floor', ''] as const;

export function printTable(lines: readonly Line[]): void {
  const rows = [[...columns], ...lines.map(rowOf)];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  for (const { bench, detail } of lines)
    for (const [name, figure] of Object.entries(detail.peers))
      console.log(`${bench}, ${name}: ${typeof figure === 'number' ? short(figure) : figure}`);
}

function rowOf({ bench, ratio, goal, better, unit, low, high, pass, detail }: Line): string[] {
  const sign = better === 'higher' ? '>=' : '<=';
  return [
    bench,
    `${short(ratio)} ${unit}`,
    `${sign} ${goal}`,
    `${short(low)} .. ${short(high)}`,
    short(detail.ours),
    short(detail.floor),
    pass ? 'met' : 'missed',
  ];
}
