// `strongroom rescue`: every object of a store as a file, from what is left of its zones.
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { RootKey } from '../keys/root-key.ts';
import { type RescueReport, rescue as rescueTo } from '../rescue/rescue.ts';
import { exitCodes } from './exit-code.ts';
import { interruptible } from './interruptible.ts';
import { ProgressBar, sizeText } from './progress-bar.ts';

export interface RescueCommand {
  readonly out: string;
  readonly rootKey?: string;
  readonly passphraseEnv?: string;
  readonly json?: boolean;
}

const shownMax = 20;

/** Returns the exit code: 5 when bytes or commits are lost for good. */
export async function rescue(zones: string[], options: RescueCommand): Promise<number> {
  const rootKey = await rootKeyFor(zones, options);
  if (rootKey === null) {
    say('no key file lies beside the zones: say --root-key FILE or --passphrase-env NAME');
    return exitCodes.usage;
  }
  return interruptible(async (signal) => {
    const report = await withBars((bars) =>
      rescueTo(zones, options.out, { rootKey, signal, ...bars }),
    );
    tell(report, options);
    return isWhole(report) ? 0 : exitCodes.corrupt;
  });
}

function isWhole({ damaged, losses }: RescueReport): boolean {
  const { holes, unreadable, forked, rows } = losses;
  return damaged.length + holes.length + unreadable.length + forked + rows === 0;
}

async function rootKeyFor(zones: string[], options: RescueCommand): Promise<RootKey | null> {
  const { rootKey, passphraseEnv } = options;
  if (rootKey !== undefined) return { file: rootKey };
  if (passphraseEnv !== undefined) return { passphrase: process.env[passphraseEnv] ?? '' };
  for (const zone of zones.map((each) => resolve(each)))
    for (const file of [`${dirname(zone)}.rootkey`, `${zone}.rootkey`])
      if (await stat(file).catch(() => null)) return { file };
  return null;
}

interface Bars {
  onProgress(done: number, total: number): void;
  onBytes(done: number, total: number): void;
}

async function withBars<T>(work: (bars: Bars) => Promise<T>): Promise<T> {
  const now = (): number => performance.now();
  let written = 0;
  let bytes: ProgressBar | undefined;
  try {
    return await work({
      onProgress(done, total) {
        // Of segments: a bar of bytes would say rates that mean nothing.
        if (process.stderr.isTTY) process.stderr.write(`\rlogs: ${done} of ${total} segments`);
        if (process.stderr.isTTY && done === total) process.stderr.write('\r\u001b[K');
      },
      onBytes(done, total) {
        bytes ??= new ProgressBar(process.stderr, 'objects  ', total, now);
        bytes.add(done - written);
        written = done;
      },
    });
  } finally {
    bytes?.finish();
  }
}

function tell(report: RescueReport, { out, json }: RescueCommand): void {
  const { damaged, findings, losses } = report;
  const { holes, unreadable, forked, rows } = losses;
  // Names are whatever somebody chose: a terminal must not obey them.
  const shown = (text: string): string => JSON.stringify(text).slice(1, -1);
  for (const { zone, what } of findings.slice(0, shownMax)) say(shown(`${zone || 'all'}: ${what}`));
  if (findings.length > shownMax) say(`and ${findings.length - shownMax} findings more`);
  for (const { from, to } of holes) say(`lost: the commits from ${from} up to ${to - 1n}`);
  for (const segment of unreadable) say(`lost: blocks of segment ${segment}, in every zone`);
  for (const { bucket, key } of damaged.slice(0, shownMax)) say(`damaged: ${bucket}/${shown(key)}`);
  if (json) {
    const lines = damaged.map(({ bucket, key, file, lost }) => ({ bucket, key, file, lost }));
    const told = holes.map(({ from, to }) => ({ from: String(from), to: String(to) }));
    console.log(JSON.stringify({ ...report, damaged: lines, losses: { ...losses, holes: told } }));
    return;
  }
  say(`written to ${out}, described in manifest.jsonl there`);
  console.log(`objects: ${report.objects}`);
  console.log(`bytes: ${report.bytes} (${sizeText(report.bytes)})`);
  console.log(`damaged: ${damaged.length}`);
  console.log(`lost: ${holes.length + unreadable.length} holes in the log, ${rows} rows`);
  console.log(`forked: ${forked}`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
