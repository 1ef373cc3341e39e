#!/usr/bin/env node
// The strongroom command. Each command is a file of its own, loaded when it is called, so that
// --help stays fast. Data goes to stdout, talk to stderr.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { BackupCommand } from './backup.ts';
import type { DrillCommand } from './drill.ts';
import type { StoreCommand } from './opened-store.ts';
import type { RescueCommand } from './rescue.ts';
import type { VerifyCommand } from './verify.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const program = new Command('strongroom')
  .description(manifest.description)
  .version(manifest.version)
  .showHelpAfterError()
  .exitOverride();

program
  .command('demo')
  .description('store a directory on three zones, destroy one, read every byte back')
  .argument('[directory]', 'what to store', 'node_modules')
  .option('--place <directory>', 'where the three zones stand for a while (default: temporary)')
  .action(async (directory: string, options: { place?: string }) => {
    const { demo } = await import('./demo.ts');
    process.exitCode = await demo(directory, options);
  });

program
  .command('rescue')
  .description('write every object of a store as a file, from what is left of its zones')
  .argument('<zones...>', 'the directories of the zones')
  .requiredOption('--out <directory>', 'where the files go: empty, or not there yet')
  .option('--root-key <file>', 'the key file (default: that beside the zones)')
  .option('--passphrase-env <name>', 'the environment variable that holds the passphrase')
  .option('--json', 'the report as one line of JSON')
  .action(async (zones: string[], options: RescueCommand) => {
    const { rescue } = await import('./rescue.ts');
    process.exitCode = await rescue(zones, options);
  });

/** A command on a store that nobody else has open. */
function storeCommand(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<store>', 'the path that the store is opened by; nobody may have it open')
    .option('--zones <directories...>', 'the zones (default: those below the path)')
    .option('--root-key <file>', 'the key file (default: that beside the store)')
    .option('--passphrase-env <name>', 'the environment variable that holds the passphrase')
    .option('--json', 'the report as one line of JSON');
}

storeCommand('verify', 'look at every byte of a store in every zone')
  .option('--deep', 'open every chunk of every object as well')
  .action(async (store: string, options: VerifyCommand) => {
    const { verify } = await import('./verify.ts');
    process.exitCode = await verify(store, options);
  });

storeCommand('heal', 'verify, and put right in one zone what is right in others').action(
  async (store: string, options: VerifyCommand) => {
    const { heal } = await import('./verify.ts');
    process.exitCode = await heal(store, options);
  },
);

storeCommand('drill', 'take a zone of a store away, prove that nothing is lost, bring it back')
  .option('--zone <number>', 'which zone goes (default: any)', Number)
  .action(async (store: string, options: DrillCommand) => {
    const { drill } = await import('./drill.ts');
    process.exitCode = await drill(store, options);
  });

storeCommand('replace-zone', 'make a new zone in the place of one whose disk is gone or shall go')
  .argument('<zone>', 'its number, from 1')
  .argument('<directory>', 'where the new one is made: empty, or not there yet')
  .action(async (store: string, zone: string, folder: string, options: StoreCommand) => {
    const { replaceZone } = await import('./replace-zone.ts');
    process.exitCode = await replaceZone(store, zone, folder, options);
  });

storeCommand('backup', 'write the store as it is now to a directory; again, what came since')
  .argument('<directory>', 'empty, not there yet, or a backup of this store; - for tar on stdout')
  .option('--spool <directory>', 'where the archive for - is made first; default: in <store>')
  .action(async (store: string, directory: string, options: BackupCommand) => {
    const { backup } = await import('./backup.ts');
    process.exitCode = await backup(store, directory, options);
  });

program
  .command('build')
  .description('compile the native part, where no ready-made one fits this machine')
  .action(async () => {
    const { build } = await import('./build.ts');
    process.exitCode = build();
  });

async function main(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said what is wrong; asking for help is no error.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    const { exitCodeOf } = await import('./exit-code.ts');
    process.stderr.write(`strongroom: ${explain(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

/** The code, the message, and what to do where that is known. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  const named = typeof code === 'string' && !error.message.startsWith(code);
  const head = named ? `${code}: ${error.message}` : error.message;
  return typeof hint === 'string' ? `${head}\n${hint}` : head;
}

void main();
