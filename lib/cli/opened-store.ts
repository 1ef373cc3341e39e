// The store that a command works on: opened by its path, and closed whatever happens.
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { open, type RootKey, type Store } from '../index.ts';
import { interruptible } from './interruptible.ts';

/** Options that every command on a store has. */
export interface StoreCommand {
  readonly zones?: string[];
  readonly rootKey?: string;
  readonly passphraseEnv?: string;
  readonly json?: boolean;
}

/** @returns the exit code of `work`, or that of an interruption */
export async function withStore(
  path: string,
  options: StoreCommand,
  work: (store: Store, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  return interruptible(async (signal) => {
    const zones = options.zones ?? (await zonesBelow(path));
    await using store = await open(path, { create: false, zones, ...rootKeyOf(options), signal });
    return await work(store, signal);
  });
}

function rootKeyOf({ rootKey, passphraseEnv }: StoreCommand): { rootKey?: RootKey } {
  if (rootKey !== undefined) return { rootKey: { file: rootKey } };
  if (passphraseEnv === undefined) return {};
  return { rootKey: { passphrase: process.env[passphraseEnv] ?? '' } };
}

async function zonesBelow(path: string): Promise<1 | 3> {
  return (await stat(join(resolve(path), 'zone-2')).catch(() => null)) ? 3 : 1;
}
