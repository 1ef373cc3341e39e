// Which records make the history: pure decisions over those that were found, in whatever zone.
//
// Each record names the hash of the one before it. The history is the path that ends in the highest
// sequence of the highest epoch: an epoch begins only with what was acknowledged before, and what
// its predecessors wrote after its base was acknowledged to nobody. Where the path is broken by
// rot, it goes on with the last record before the hole: better a hole than nothing at all.

export interface Link {
  /** Of the sealed record, in hex. */
  readonly hash: string;
  /** Of the record before; zeros: the first one. */
  readonly before: string;
  readonly isEpoch: boolean;
  readonly epoch: bigint;
  /** Of the first transaction; of an epoch, what the next transaction will have. */
  readonly first: bigint;
  readonly last: bigint;
}

export interface Hole {
  /** Sequences that are lost: from this one on, up to and without `to`. */
  readonly from: bigint;
  readonly to: bigint;
}

export interface History<T extends Link> {
  /** Oldest first. */
  readonly links: readonly T[];
  readonly holes: readonly Hole[];
}

export const noRecord: string = '0'.repeat(64);

/** A later epoch counts more than a higher sequence. */
function isLater(a: Link, b: Link): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  if (a.last !== b.last) return a.last > b.last;
  // An epoch record comes before the commits of its epoch, and both may end in one sequence.
  return b.isEpoch && !a.isEpoch;
}

function byAge(a: Link, b: Link): number {
  return isLater(a, b) ? -1 : isLater(b, a) ? 1 : 0;
}

/** The record that the history ends in. */
export function newestOf<T extends Link>(links: readonly T[]): T | undefined {
  return links.reduce<T | undefined>(
    (newest, link) => (newest === undefined || isLater(link, newest) ? link : newest),
    undefined,
  );
}

export function historyTo<T extends Link>(tip: T, links: readonly T[]): History<T> {
  const byHash = new Map(links.map((link) => [link.hash, link]));
  let aged: T[] | undefined; // Newest first; only a hole needs them so.
  let older = 0; // Where the look for the last record before a hole goes on: never back.
  const path: T[] = [tip];
  const holes: Hole[] = [];
  const taken = new Set([tip.hash]);
  for (let at = tip; at.before !== noRecord; ) {
    let next = byHash.get(at.before);
    if (next === undefined) {
      aged ??= [...links].sort(byAge);
      while (older < aged.length && !isBefore(aged[older] as T, at)) older++;
      next = aged[older];
      const from = (next?.last ?? 0n) + 1n;
      // Where an epoch record alone is lost, no commit is.
      if (from < at.first) holes.push({ from, to: at.first });
    }
    // A chain of hashes has no circle; one with holes might.
    if (next === undefined || taken.has(next.hash)) break;
    taken.add(next.hash);
    path.push(next);
    at = next;
  }
  return { links: path.reverse(), holes: holes.reverse() };
}

function isBefore(a: Link, b: Link): boolean {
  return a.last < b.first && a.epoch <= b.epoch && a.hash !== b.hash;
}

/**
 * Commits that the history does not hold and that follow each other: of a store that was copied and
 * lived on twice. One alone was in flight when its zone fell out.
 */
export function forkOf<T extends Link>(history: History<T>, links: readonly T[]): T[] {
  const told = new Set(history.links.map(({ hash }) => hash));
  const others = links.filter(({ hash }) => !told.has(hash));
  const otherHashes = new Set(others.map(({ hash }) => hash));
  return others.filter(({ isEpoch, before }) => !isEpoch && otherHashes.has(before));
}
