// Which records make the history, decided over made-up ones: letters are hashes.
import test from 'ava';
import {
  forkOf,
  historyTo,
  type Link,
  newestOf,
  noRecord,
  noOrigin as origin,
} from '../../lib/rescue/history.ts';

function commit(hash: string, before: string, epoch: number, first: number, count = 1): Link {
  const [from, last] = [BigInt(first), BigInt(first + count - 1)];
  return { hash, before, isEpoch: false, epoch: BigInt(epoch), first: from, last, origin };
}
function epoch(hash: string, before: string, number: number, next: number): Link {
  const first = BigInt(next);
  return { hash, before, isEpoch: true, epoch: BigInt(number), first, last: first - 1n, origin };
}
/** The same, of a log that begins behind the record `hash`, which ends in `sequence`. */
function since(hash: string, sequence: number, link: Link): Link {
  return { ...link, origin: { hash, sequence: BigInt(sequence) } };
}

function told(links: readonly Link[]): string {
  const tip = newestOf(links);
  if (tip === undefined) return '';
  const { links: path, holes } = historyTo(tip, links);
  const lost = holes.map(({ from, to }) => ` lost ${from} to ${to}`).join('');
  return path.map(({ hash }) => hash).join('') + lost;
}

const reign = [epoch('E', noRecord, 1, 1), commit('a', 'E', 1, 1), commit('b', 'a', 1, 2, 3)];

for (const [what, links, expected] of [
  ['nothing', [], ''],
  ['one reign', reign, 'Eab'],
  ['in whatever order it was found', [...reign].reverse(), 'Eab'],
  ['a new epoch alone', [...reign, epoch('F', 'b', 2, 5)], 'EabF'],
  [
    'what a zone wrote that fell out counts for nothing, however much it is',
    [...reign, commit('x', 'b', 1, 5, 90), epoch('F', 'b', 2, 5), commit('c', 'F', 2, 5)],
    'EabFc',
  ],
  [
    'an epoch that begins before the end of the last one',
    [...reign, epoch('F', 'a', 2, 2), commit('c', 'F', 2, 2)],
    'EaFc',
  ],
  ['a record is lost', [reign[0], reign[2]] as Link[], 'Eb lost 1 to 2'],
  ['the first records are lost', [reign[2]] as Link[], 'b lost 1 to 2'],
  [
    'an epoch record is lost with a commit',
    [...reign, commit('c', '?', 2, 6), commit('d', 'c', 2, 7)],
    'Eabcd lost 5 to 6',
  ],
  [
    'what lies before the beginning is left over and counts for nothing',
    [...reign, epoch('F', 'b', 2, 5), since('a', 1, commit('c', 'F', 2, 5))],
    'bFc',
  ],
  [
    'where the beginning is lost nothing that is left over stands in for it',
    [reign[1], epoch('F', 'b', 2, 5), since('a', 1, commit('c', 'F', 2, 5))] as Link[],
    'Fc lost 2 to 5',
  ],
  [
    'what was retired before the end was torn is retired',
    [...reign, since('b', 4, epoch('F', 'b', 2, 5)), since('F', 4, commit('c', 'F', 2, 5))],
    'c',
  ],
  [
    'two holes',
    [reign[0], reign[2], commit('d', '?', 1, 9)] as Link[],
    'Ebd lost 1 to 2 lost 5 to 9',
  ],
] as [string, Link[], string][])
  test(what, (t) => {
    t.is(told(links), expected);
  });

test('many holes are filled in time', (t) => {
  const links = Array.from({ length: 60_000 }, (_, i) => commit(`h${i}`, '?', 1, 2 * i + 2));
  const { links: path, holes } = historyTo(newestOf(links) as Link, links);
  t.is(path.length, links.length);
  t.is(holes.length, links.length);
});

test('commits beside the history that follow each other are a fork, one in flight is none', (t) => {
  const forked = (links: readonly Link[]): string =>
    forkOf(historyTo(newestOf(links) as Link, links), links)
      .map(({ hash }) => hash)
      .join('');
  const ours = [...reign, epoch('F', 'b', 2, 5), commit('c', 'F', 2, 5)];
  const inFlight = commit('x', 'b', 1, 5);
  const orphan = epoch('O', 'b', 1, 5); // Of an open that never served.
  t.is(forked(ours), '');
  t.is(forked([...ours, inFlight, orphan]), '');
  t.is(forked([...ours, inFlight, commit('y', 'x', 1, 6)]), 'y');
  t.is(forked([...ours, orphan, commit('z', 'O', 1, 5)]), 'z');
});
