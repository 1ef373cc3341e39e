// Finds and loads the addon, or explains in one error why that failed and what to do.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { StoreError } from '../errors.ts';
import type { Addon } from './addon.ts';

const root: string = fileURLToPath(new URL('../../', import.meta.url));
let loaded: Addon | null = null;

/** @throws {StoreError} NATIVE_LOAD_FAILED, naming the platform, each reason and the remedy */
export function loadAddon(): Addon {
  loaded ??= load(candidates());
  return loaded;
}

/** @internal For tests: loads the first of `files` that works. */
export function load(files: readonly string[]): Addon {
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  for (const file of files) {
    try {
      const addon = require(file) as Addon;
      if (addon.describe().cryptoAvailable) return addon;
      reasons.push(`${file}: this runtime does not export OpenSSL's EVP functions`);
    } catch (error) {
      reasons.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new StoreError('NATIVE_LOAD_FAILED', explain(reasons));
}

function explain(reasons: readonly string[]): string {
  const versions = process.versions as Record<string, string | undefined>;
  const runtime = versions['bun']
    ? `Bun ${versions['bun']}`
    : versions['electron']
      ? `Electron ${versions['electron']}`
      : `Node ${process.version}`;
  const text = reasons.join('; ');
  let remedy = 'run `npx strongroom build`';
  if (versions['bun'] || versions['electron'])
    remedy = 'use Node: Bun and Electron carry BoringSSL, which has no EVP for addons';
  else if (text.includes('ERR_DLOPEN_DISABLED') || text.includes('Cannot load native addon'))
    remedy = 'start Node with --allow-addons';
  else if (existsSync(`${root}lib/engine/load.ts`)) remedy = 'run `npm run build:native`';
  const machine = `${process.platform}-${process.arch}${libc()}`;
  return `no addon for ${runtime} on ${machine}: ${text}; ${remedy}`;
}

function candidates(): string[] {
  const name = `strongroom.napi${libc()}.node`;
  const prebuild = `${root}prebuilds/${process.platform}-${process.arch}/${name}`;
  const built = `${root}build/Release/strongroom.node`;
  const checkout = existsSync(`${root}lib/engine/load.ts`) && !root.includes('node_modules');
  if (!checkout) return [prebuild, built];
  // Loads any code it names: honoured in a checkout only, for sanitizer and coverage builds.
  const chosen = process.env['STRONGROOM_NATIVE'];
  return chosen ? [chosen] : [built, prebuild];
}

function libc(): string {
  if (process.platform !== 'linux') return '';
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const before = report.excludeNetwork ?? false;
  report.excludeNetwork = true; // The report must not look at interfaces for this.
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  report.excludeNetwork = before;
  return header?.glibcVersionRuntime ? '.glibc' : '.musl';
}
