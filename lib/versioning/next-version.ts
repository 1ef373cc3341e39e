// What becomes of a key's versions when its next one comes, or one of them goes: every state of
// versioning and every verb, decided without I/O.
//
//   Unversioned ──enable──▶ Enabled ◀──enable/suspend──▶ Suspended
//
//   put      Unversioned  replaces what stood                                    null version
//            Enabled      what stood stays                                       id of its own
//            Suspended    what stood stays, if it has an id of its own           null version
//   remove   Unversioned  what stood goes
//            else         as put, and the new version is a delete marker
//   append   never makes a version: the object that it begins is the null version. While versions
//            are kept it begins none where that would cost an older object
//
// A key has one null version at most, a delete marker included: a new one takes the place of the
// old one, wherever that is. Source: OSS, versioning overview, PutObject, DeleteObject,
// AppendObject.

/** As OSS spells them. The position is what a bucket's row holds. */
export const versioningStates = ['Unversioned', 'Enabled', 'Suspended'] as const;
export type VersioningState = (typeof versioningStates)[number];

export type WriteVerb = 'put' | 'append' | 'remove';

/** What stands under a key: nothing (or a delete marker), the null version, or another. */
export type Standing = 'nothing' | 'null' | 'numbered';

export interface NextVersion {
  /** A delete marker; else the object that is written. Of a removal without one, neither. */
  readonly marker: boolean;
  /** It has an id of its own; else it is the null version. */
  readonly numbered: boolean;
  /** What stood stays as a version. */
  readonly keepOld: boolean;
  /** A null version that does not stand goes: whatever it is, or only where it is a marker. */
  readonly dropNull: 'any' | 'marker' | 'none';
}

/** Whether the decision hangs on what stands: who asks must read it, and check it in the commit. */
export function hangsOnStanding(state: VersioningState, verb: WriteVerb): boolean {
  return state === 'Suspended' || (state === 'Enabled' && verb === 'append');
}

/** `standing` counts only where the decision hangs on it. */
export function nextVersion(
  state: VersioningState,
  verb: WriteVerb,
  standing: Standing,
): NextVersion {
  if (state === 'Unversioned')
    return { marker: false, numbered: false, keepOld: false, dropNull: 'none' };
  const marker = verb === 'remove';
  if (state === 'Enabled' && verb !== 'append')
    return { marker, numbered: true, keepOld: true, dropNull: 'none' };
  return {
    marker,
    numbered: false,
    keepOld: standing === 'numbered',
    dropNull: standing === 'null' ? 'none' : state === 'Enabled' ? 'marker' : 'any',
  };
}

/** Whether a version stands again once the newest one, in front of it, goes for good. */
export function standsAgain(behind: { readonly isMarker: boolean }): boolean {
  return !behind.isMarker;
}
