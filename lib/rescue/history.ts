// Which records make the history: pure decisions over those that were found, in whatever zone.
//
// Each record names the hash of the one before it. The history is the path that ends in the highest
// sequence of the highest epoch: an epoch begins only with what was acknowledged before, and what
// its predecessors wrote after its base was acknowledged to nobody. It begins where its last record
// says: what lives of older segments was carried into later ones, and what was deleted would come
// back with them. Where the path is broken by rot, it goes on with the last record before the hole:
// better a hole than nothing at all.

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
  /** Where the log begins, as this record says. */
  readonly origin: Origin;
}

/** The record before the first one: all up to it is retired, and counts for nothing. */
export interface Origin {
  /** In hex. */
  readonly hash: string;
  readonly sequence: bigint;
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
  readonly origin: Origin;
}

export const noRecord: string = '0'.repeat(64);
/** Of a log of which nothing was ever retired. */
export const noOrigin: Origin = { hash: noRecord, sequence: 0n };

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
  const { origin } = tip;
  for (let at = tip; at.before !== origin.hash; ) {
    let next = byHash.get(at.before);
    if (next === undefined) {
      aged ??= links.filter((link) => !isLeftOver(link, origin)).sort(byAge);
      while (older < aged.length && !isBefore(aged[older] as T, at)) older++;
      next = aged[older];
      const from = (next?.last ?? origin.sequence) + 1n;
      // Where an epoch record alone is lost, no commit is.
      if (from < at.first) holes.push({ from, to: at.first });
    }
    // A chain of hashes has no circle; one with holes might.
    if (next === undefined || taken.has(next.hash)) break;
    taken.add(next.hash);
    path.push(next);
    at = next;
  }
  return { links: path.reverse(), holes: holes.reverse(), origin };
}

/** Of a retired segment. An epoch record may look like one, and nothing is lost with it. */
function isLeftOver({ last }: Link, origin: Origin): boolean {
  return origin.hash !== noRecord && last <= origin.sequence;
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
  const { origin } = history;
  const others = links.filter((link) => !told.has(link.hash) && !isLeftOver(link, origin));
  const otherHashes = new Set(others.map(({ hash }) => hash));
  return others.filter(({ isEpoch, before }) => !isEpoch && otherHashes.has(before));
}
