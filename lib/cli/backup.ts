// `strongroom backup`: makes a directory a backup of a store, or moves the one there on to now.
import { type StoreCommand, withStore } from './opened-store.ts';
import { ProgressBar, sizeText } from './progress-bar.ts';

/** Returns the exit code. */
export async function backup(path: string, dest: string, options: StoreCommand): Promise<number> {
  return withStore(path, options, async (store, signal) => {
    const bar = new ProgressBar(process.stderr, 'moved', 0, () => performance.now());
    let seen = 0;
    const onProgress = ({ loaded }: { loaded: number }): void => {
      bar.add(loaded - seen);
      seen = loaded;
    };
    let report: Awaited<ReturnType<typeof store.backup>>;
    try {
      report = await store.backup(dest, { signal, onProgress });
    } finally {
      bar.finish();
    }
    if (options.json) {
      console.log(JSON.stringify(report));
    } else {
      console.log(`sequence: ${report.sequence}`);
      console.log(`bytes: ${report.bytes} (${sizeText(report.bytes)})`);
    }
    return 0;
  });
}
