// `strongroom backup`: makes a directory a backup of a store, or moves the one there on to now. `-`
// sends it to stdout as an archive, and then the report goes to stderr.
import { type StoreCommand, withStore } from './opened-store.ts';
import { ProgressBar, sizeText } from './progress-bar.ts';

export interface BackupCommand extends StoreCommand {
  readonly spool?: string;
}

/** Returns the exit code. */
export async function backup(path: string, dest: string, options: BackupCommand): Promise<number> {
  const { spool } = options;
  const toStdout = dest === '-';
  return withStore(path, options, async (store, signal) => {
    const bar = new ProgressBar(process.stderr, 'moved', 0, () => performance.now());
    let seen = 0;
    const onProgress = ({ loaded }: { loaded: number }): void => {
      bar.add(loaded - seen);
      seen = loaded;
    };
    let report: Awaited<ReturnType<typeof store.backup>>;
    try {
      report = await store.backup(toStdout ? process.stdout : dest, { signal, onProgress, spool });
    } finally {
      bar.finish();
    }
    const say = toStdout ? console.error : console.log;
    if (options.json) {
      say(JSON.stringify(report));
    } else {
      say(`sequence: ${report.sequence}`);
      say(`bytes: ${report.bytes} (${sizeText(report.bytes)})`);
    }
    return 0;
  });
}
