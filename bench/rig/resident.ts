// How much memory this process holds, and held at most. Linux only: elsewhere nobody keeps a
// high-water mark that can be begun anew.
import { readFileSync, writeFileSync } from 'node:fs';

/** In MiB. */
export interface Reading {
  readonly rss: number;
  /** Since the last reading. */
  readonly peak: number;
}

export function readResident(): Reading {
  const reading: Reading = { rss: fromStatus('VmRSS'), peak: fromStatus('VmHWM') };
  // Begins a new high-water mark (proc(5)).
  writeFileSync('/proc/self/clear_refs', '5');
  return reading;
}

function fromStatus(name: string): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [, kib] = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status) ?? [];
  return Math.round(Number(kib) / 102.4) / 10;
}
