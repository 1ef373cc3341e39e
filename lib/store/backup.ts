// Backups: the store at one moment, in a directory that an ordinary open() opens.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreContext } from '../context/store-context.ts';
import { invalidArgument } from '../errors.ts';
import { type Progress, ProgressMeter } from '../object/progress.ts';
import { checkSignal, functionOption, readOptions } from '../options.ts';
import { absolutePath } from './absolute-path.ts';
import { followRun } from './engine-run.ts';

export interface BackupOptions {
  signal?: AbortSignal | undefined;
  /** Bytes read and written, at most ten times a second and once at the end. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface BackupReport {
  /** Of the last commit that it holds, decimal: everything up to it, and nothing after. */
  sequence: string;
  /** That were written: what came since the backup before, when there was one. */
  bytes: number;
}

const known: ReadonlySet<string> = new Set(['onProgress', 'signal']);
/** The one zone of a store whose path is the directory. */
const zoneName = 'zone-1';

/** TypeError, InvalidArgument, ABORTED, STORE_CLOSED and what Store.backup() tells. */
export async function runBackup(
  context: StoreContext,
  dest: string | URL,
  options: BackupOptions,
): Promise<BackupReport> {
  const { signal, onProgress } = readOptions('backup', options, known);
  functionOption('backup', 'onProgress', onProgress);
  checkSignal('backup', signal);
  const folder = absolutePath('backup', dest);
  await context.step(() => refuseOtherThings(folder));
  const meter = onProgress ? new ProgressMeter(onProgress, undefined, context.events) : null;
  try {
    const { sequence, written } = await followRun(context, {
      begin: () => context.engine.backUp(join(folder, zoneName)),
      take: (news, before) => meter?.add(news.bytes - (before?.bytes ?? 0)),
      signal,
    });
    return { sequence: String(sequence), bytes: written };
  } finally {
    meter?.end();
  }
}

/** What lies in the zone itself the engine judges. */
async function refuseOtherThings(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw invalidArgument(`backup: ${error.message}`);
  });
  if (names.length > 0 && !names.includes(zoneName))
    throw invalidArgument(`backup: ${folder} is not empty and holds no backup`);
}
