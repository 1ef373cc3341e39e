// Backups: the store at one moment, in a directory that an ordinary open() opens, or as an archive
// of one.
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import type { StoreContext } from '../context/store-context.ts';
import { invalidArgument } from '../errors.ts';
import { type Progress, ProgressMeter } from '../object/progress.ts';
import { checkSignal, functionOption, readOptions } from '../options.ts';
import { absolutePath } from './absolute-path.ts';
import { ArchiveSender, inSpool, isWritable, whileItLives } from './backup-stream.ts';
import { followRun } from './engine-run.ts';

export interface BackupOptions {
  signal?: AbortSignal | undefined;
  /** Bytes read, written and sent, at most ten times a second and once at the end. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /**
   * With a stream only: the directory below which the backup is made and proven before it is sent.
   * It needs room for one copy of the store, for as long as the call takes.
   * @default beside the first zone
   */
  spool?: string | URL | undefined;
}

export interface BackupReport {
  /** Of the last commit that it holds, decimal: everything up to it, and nothing after. */
  sequence: string;
  /** That were written: what came since the backup before, when there was one. Or sent. */
  bytes: number;
}

const known: ReadonlySet<string> = new Set(['onProgress', 'signal', 'spool']);
/** The one zone of a store whose path is the directory. */
const zoneName = 'zone-1';

/** TypeError, InvalidArgument, ABORTED, STORE_CLOSED and what Store.backup() tells. */
export async function runBackup(
  context: StoreContext,
  dest: string | URL | Writable,
  given: BackupOptions,
): Promise<BackupReport> {
  const options = readOptions('backup', given, known);
  functionOption('backup', 'onProgress', options.onProgress);
  checkSignal('backup', options.signal);
  const { onProgress } = options;
  const meter = onProgress ? new ProgressMeter(onProgress, undefined, context.events) : null;
  const moving: Moving = { signal: options.signal, onBytes: (bytes) => meter?.add(bytes) };
  try {
    if (isWritable(dest)) {
      const spool = absolutePath('backup: spool', options.spool ?? besideZones(context));
      return await toStream(context, dest, spool, moving);
    }
    if (options.spool !== undefined)
      throw invalidArgument('backup: a directory needs no spool, only a stream does');
    return await toDirectory(context, absolutePath('backup', dest), moving);
  } finally {
    meter?.end();
  }
}

/** There is a file system that is meant for the store's bytes. */
function besideZones({ engine }: StoreContext): string {
  const [zone] = engine.status().zones;
  if (zone === undefined) throw invalidArgument('backup: a store in memory has no zone to back up');
  // It writes not one byte.
  if (engine.readOnly)
    throw invalidArgument('backup: a store that is open for reading needs a spool elsewhere');
  return dirname(zone.path);
}

interface Moving {
  readonly signal: AbortSignal | undefined;
  readonly onBytes: (bytes: number) => void;
}

async function toDirectory(
  context: StoreContext,
  folder: string,
  { signal, onBytes }: Moving,
): Promise<BackupReport> {
  await context.step(() => refuseOtherThings(folder));
  const { sequence, written } = await followRun(context, {
    begin: () => context.engine.backUp(join(folder, zoneName)),
    take: (news, before) => onBytes(news.bytes - (before?.bytes ?? 0)),
    signal,
  });
  return { sequence: String(sequence), bytes: written };
}

/** Until the backup is proven `dest` is not touched. */
async function toStream(
  context: StoreContext,
  dest: Writable,
  place: string,
  moving: Moving,
): Promise<BackupReport> {
  const { onBytes } = moving;
  return await whileItLives(dest, moving.signal, (signal) =>
    inSpool(place, async (folder) => {
      const { sequence } = await toDirectory(context, folder, { signal, onBytes });
      const sender = new ArchiveSender(folder, zoneName, onBytes);
      return { sequence, bytes: await sender.send(context, dest, moving.signal) };
    }),
  );
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
