// A native engine without the library above it, as a hostile program would take hold of it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { Addon, NativeEngine, NativeOptions } from '../../lib/engine/addon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export const addonFile: string =
  process.env.STRONGROOM_NATIVE ??
  fileURLToPath(new URL('../../build/Release/strongroom.node', import.meta.url));
export const addon: Addon = createRequire(import.meta.url)(addonFile);

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

export function optionsFor(folder: string): NativeOptions {
  return {
    zones: [join(folder, 'zone')],
    create: true,
    readOnly: false,
    rootKey: new Uint8Array(32).fill(7),
    rootHint: Uint8Array.of(1, 0),
    zoneDeadlineMs: 10_000,
    small: [1, 0],
    large: [1, 0],
    largeFrom: 256 * 1024,
    slabs: 4,
  };
}

export async function openNative(t: ExecutionContext): Promise<NativeEngine> {
  const engine = await addon.open(optionsFor(await temporaryFolder(t)), () => {});
  t.teardown(() => engine.close());
  return engine;
}

/** Moves a view's memory away, as postMessage would. */
export function detach(view: Uint8Array): void {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
}

/** Puts one row with a small blob, by the call that takes arrays. */
export function commitOf(
  engine: NativeEngine,
  keys: readonly Uint8Array[],
  changes: {
    readonly checkKeys?: readonly Uint8Array[];
    readonly revisions?: readonly number[];
    readonly modified?: readonly number[];
    readonly bodies?: readonly (Uint8Array | null)[];
  } = {},
): Promise<Buffer> {
  const { checkKeys = [], revisions = [] } = changes;
  const modified = changes.modified ?? [0];
  const bodies = changes.bodies ?? [new Uint8Array(1)];
  return engine.commit(
    checkKeys,
    revisions,
    [],
    [],
    [],
    keys,
    modified,
    bodies,
    [null],
    [null],
    null,
    null,
  );
}
