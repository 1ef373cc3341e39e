// Versioning of a bucket: whether what is replaced or removed stays. Once on, it is suspended at
// most, never off: versions that are there stay what they are.
import type { StoreContext } from '../context/store-context.ts';
import type { VersioningState } from '../versioning/next-version.ts';
import { changeRow } from './change-row.ts';

export async function versioningOf(context: StoreContext, name: string): Promise<VersioningState> {
  return context.step(async () => (await context.buckets.require(name)).row.versioning);
}

/** NoSuchBucket. */
export async function setVersioning(
  context: StoreContext,
  name: string,
  versioning: 'Enabled' | 'Suspended',
): Promise<void> {
  await context.step(() =>
    changeRow(context, name, ({ row }) =>
      row.versioning === versioning ? null : { row: { ...row, versioning }, effects: [] },
    ),
  );
}
