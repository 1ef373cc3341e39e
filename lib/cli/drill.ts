// `strongroom drill`: takes a zone of a store away, proves that reads and writes go on, brings it
// back and proves it whole.
import type { DrillReport } from '../index.ts';
import { exitCodes } from './exit-code.ts';
import { type StoreCommand, withStore } from './opened-store.ts';

export interface DrillCommand extends StoreCommand {
  readonly zone?: number;
}

/** Returns the exit code: 5 when something was lost, failed, or is not whole afterwards. */
export async function drill(path: string, options: DrillCommand): Promise<number> {
  return withStore(path, options, async (store, signal) => {
    const { zone } = options;
    const onPhase = (phase: string): void => say(`${phase} ...`);
    const report = await store.health.drill({ zone, signal, onPhase });
    tell(report, options);
    return report.ok ? 0 : exitCodes.corrupt;
  });
}

function tell(report: DrillReport, { json }: DrillCommand): void {
  if (json) {
    console.log(JSON.stringify(report));
    return;
  }
  // Names of objects are whatever somebody chose: a terminal must not obey them.
  for (const failure of report.failures) say(JSON.stringify(failure).slice(1, -1));
  const { zone, reads, degradedReads, writes, lost, longestWaitMs } = report;
  console.log(`zone: ${zone}`);
  console.log(`reads: ${reads}`);
  console.log(`degraded reads: ${degradedReads}`);
  console.log(`writes: ${writes}`);
  console.log(`lost: ${lost}`);
  console.log(`longest wait: ${longestWaitMs} ms`);
  console.log(report.ok ? 'passed' : 'failed');
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
