// What the figures were measured on.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { rounded } from './figures.ts';
import { measured } from './native.ts';

export interface Machine {
  readonly node: string;
  readonly openssl: string;
  /** AES-256-GCM alone, 64 KiB at a time, on one core. */
  readonly evp_gbps: number;
  readonly cpu: string;
  readonly fs: string;
  readonly commit: string;
}

export async function describeMachine(fs: string, quick: boolean): Promise<Machine> {
  const { pipeline } = await measured();
  const processors = cpus();
  return {
    node: process.versions.node,
    openssl: process.versions.openssl,
    evp_gbps: rounded(pipeline(quick ? 2 ** 25 : 2 ** 28).evpGbps),
    cpu: `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}`,
    fs,
    commit: quick ? `${commit()}-quick` : commit(),
  };
}

/** With `-dirty` where the sources are not what the commit says. */
function commit(): string {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd, encoding: 'utf8' }).stdout?.trim() ?? '';
  const id = git('rev-parse', '--short=10', 'HEAD');
  if (id === '') return 'unknown';
  return git('status', '--porcelain', '-uno') === '' ? id : `${id}-dirty`;
}
