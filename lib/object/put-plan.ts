// PutPlan: what a put is to store, checked before any byte of the body is read.
import { checkOptions, checkSignal, functionOption, integerOption } from '../options.ts';
import { type ChecksumPlan, planChecksums } from './checksum.ts';
import { type Condition, putCondition } from './condition.ts';
import { headerNames } from './content-headers.ts';
import { encodeObjectRow, encodeSymlinkRow } from './object-row.ts';
import type { PutOptions, SymlinkOptions } from './types.ts';

export interface PutPlan {
  /** The body of the row. */
  readonly header: Uint8Array;
  readonly condition: Condition | null;
  readonly checksums: ChecksumPlan | null;
  /** Bytes the body must have. */
  readonly size: number | undefined;
  readonly onProgress: PutOptions['onProgress'];
  readonly signal: AbortSignal | undefined;
}

const known: ReadonlySet<string> = new Set([
  ...headerNames,
  'checksum',
  'onlyIf',
  'size',
  'onProgress',
  'signal',
]);

const ofBodies: readonly string[] = ['checksum', 'size', 'onProgress'];
const knownToSymlink: ReadonlySet<string> = new Set(
  [...known].filter((name) => !ofBodies.includes(name)),
);

/** As planPut, for a link to `target`, which is a valid key. */
export function planSymlink(options: SymlinkOptions | undefined, target: string): PutPlan {
  if (options !== undefined) checkOptions('symlink', options, knownToSymlink);
  const plan = planPut('symlink', options, '');
  return { ...plan, header: encodeSymlinkRow('symlink', options, target) };
}

/**
 * TypeError, InvalidArgument, InvalidTag, TooManyTags, NotImplemented, ABORTED. `bodyType` is what
 * the body says it is.
 */
export function planPut(call: string, options: PutOptions | undefined, bodyType: string): PutPlan {
  if (options !== undefined) checkOptions(call, options, known);
  const { checksum, onlyIf, onProgress, signal } = options ?? {};
  const size = integerOption(call, 'size', options?.size, 0);
  functionOption(call, 'onProgress', onProgress);
  const condition = onlyIf === undefined ? null : putCondition(call, onlyIf);
  const checksums = checksum === undefined ? null : planChecksums(call, checksum);
  checkSignal(call, signal);
  const header = encodeObjectRow(call, options, bodyType);
  return { header, condition, checksums, size, onProgress, signal };
}
