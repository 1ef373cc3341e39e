// `strongroom verify` and `strongroom heal`: look at every byte of a store's zones, and put right
// in one what is right in others.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store, VerifyReport } from '../index.ts';
import { exitCodes } from './exit-code.ts';
import { type StoreCommand, withStore } from './opened-store.ts';
import { ProgressBar, sizeText } from './progress-bar.ts';

export interface VerifyCommand extends StoreCommand {
  readonly deep?: boolean;
}

const shownMax = 20;

/** Returns the exit code: 5 when something is wrong, healing aside. */
export async function verify(path: string, options: VerifyCommand): Promise<number> {
  return run(path, options, (store, { signal, onProgress }) =>
    store.health.verify({ deep: options.deep ?? false, signal, onProgress }),
  );
}

/** Returns the exit code: 5 when something is wrong that was not healed. */
export async function heal(path: string, options: VerifyCommand): Promise<number> {
  return run(path, options, (store, { signal, onProgress }) =>
    store.health.heal({ signal, onProgress }),
  );
}

interface Watching {
  readonly signal: AbortSignal;
  onProgress(progress: { loaded: number }): void;
}

async function run(
  path: string,
  options: VerifyCommand,
  work: (store: Store, watching: Watching) => Promise<VerifyReport>,
): Promise<number> {
  return withStore(path, options, async (store, signal) => {
    const report = await withBar(store, (onProgress) => work(store, { signal, onProgress }));
    const { quarantined } = await store.health.status();
    tell({ ...report, quarantined }, options);
    return report.found === report.healed ? 0 : exitCodes.corrupt;
  });
}

async function withBar<T>(
  store: Store,
  work: (onProgress: (progress: { loaded: number }) => void) => Promise<T>,
): Promise<T> {
  const { zones } = await store.health.status();
  const paths = zones.filter(({ inSet }) => inSet).map((zone) => zone.path);
  const total = process.stderr.isTTY ? await sizeOf(paths) : 0;
  const bar = new ProgressBar(process.stderr, 'zones', total, () => performance.now());
  let seen = 0;
  try {
    return await work(({ loaded }) => {
      bar.add(loaded - seen);
      seen = loaded;
    });
  } finally {
    bar.finish();
  }
}

/** Of the logs and of the large objects' files. */
async function sizeOf(zones: readonly string[]): Promise<number> {
  let size = 0;
  for (const folder of zones.flatMap((zone) => [join(zone, 'log'), join(zone, 'blob')]))
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) size += (await stat(join(entry.parentPath, entry.name))).size;
  return size;
}

function tell(report: VerifyReport & { quarantined: number }, { json }: VerifyCommand): void {
  if (json) {
    console.log(JSON.stringify(report));
    return;
  }
  // Names are whatever somebody chose: a terminal must not obey them.
  const shown = (text: string): string => JSON.stringify(text).slice(1, -1);
  for (const { kind, zone, bucket, key, healed, what } of report.findings.slice(0, shownMax)) {
    const place = zone === undefined ? 'all zones' : `zone ${zone}`;
    const object = bucket === undefined ? '' : ` (${bucket}/${shown(key ?? '')})`;
    process.stderr.write(`${healed ? 'healed' : kind}: ${place}: ${shown(what)}${object}\n`);
  }
  if (report.found > shownMax) process.stderr.write(`and ${report.found - shownMax} more\n`);
  console.log(`bytes: ${report.bytes} (${sizeText(report.bytes)})`);
  console.log(`scanned: ${report.scanned}`);
  console.log(`found: ${report.found}`);
  console.log(`healed: ${report.healed}`);
  console.log(`unrecoverable: ${report.unrecoverable}`);
  console.log(`quarantined: ${report.quarantined}`);
}
