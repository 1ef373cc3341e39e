// What brings a key back to a moment without destroying anything: one version more, or none.
export interface RestorableVersion {
  readonly id: string;
  readonly isMarker: boolean;
}

export type RestoreStep =
  | { readonly action: 'leave' }
  /** A delete marker: nothing stood then. */
  | { readonly action: 'delete' }
  /** This version again. */
  | { readonly action: 'restore'; readonly id: string };

/**
 * `now` is a key's newest version, `then` the newest that is not after the moment. What was
 * restored before is as good as what it was restored from: the same plan, made again, does nothing.
 */
export function planRestore<V extends RestorableVersion>(
  now: V,
  then: V | null,
  isSame: (a: V, b: V) => boolean,
): RestoreStep {
  if (then === null || then.isMarker) return { action: now.isMarker ? 'leave' : 'delete' };
  if (!now.isMarker && (now === then || isSame(now, then))) return { action: 'leave' };
  return { action: 'restore', id: then.id };
}
