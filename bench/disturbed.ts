// What do a scrub and the catch-up of a zone cost whoever puts and gets meanwhile?
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket } from 'strongroom';
import { Bodies } from './rig/bodies.ts';
import { requireSpace } from './rig/disk.ts';
import { median, short } from './rig/figures.ts';
import { keepInFlight, rateOver } from './rig/flight.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { ReturningZone } from './rig/returning-zone.ts';
import { requireBodies, requireBody, requireCount } from './rig/stored.ts';
import { type UnderWay, wentOn } from './rig/under-way.ts';

export const disturbed: Question = {
  name: 'disturbed',
  asks: 'puts and gets while a scrub and a catch-up run, over the same undisturbed; the worst',
  better: 'higher',
  unit: 'x',
  goal: 0.7,
  measures: 'calls/s',
  measure,
};

const [kibi, mebi] = [2 ** 10, 2 ** 20];
/** The store has no default; this is what its documentation shows. */
const scrubBytesPerSecond = 10_000_000;
const triesMax = 8;
const restMs = 150;

/** In the order in which a zone that comes back brings them. */
const states = {
  'two zones': { stage: 'away', scrub: false },
  records: { stage: 'records', scrub: false },
  cells: { stage: 'cells', scrub: false },
  'scrub + cells': { stage: 'cells', scrub: true },
  'three zones': { stage: 'whole', scrub: false },
  scrub: { stage: 'whole', scrub: true },
} as const satisfies Record<string, UnderWay>;
type State = keyof typeof states;

/**
 * Each over the undisturbed store with as many zones in its set: what a smaller set spares the
 * disks is no merit of the catch-up. While the log is copied, also over the store that was lost.
 */
const readings: readonly (readonly [State, State])[] = [
  ['scrub', 'three zones'],
  ['records', 'two zones'],
  ['records', 'three zones'],
  ['cells', 'three zones'],
  ['scrub + cells', 'three zones'],
];

interface Shape {
  readonly seconds: number;
  readonly rounds: number;
  /** Of 256 KiB, all in the log, which is what a zone gets first. */
  readonly inLog: number;
  /** Of 32 MiB; with parity each zone holds half of that. */
  readonly large: number;
  readonly cases: readonly Case[];
}

/** Objects to get: of which sizes, and how many. */
const kept: readonly (readonly [size: number, count: number])[] = [
  [4 * kibi, 2048],
  [mebi, 64],
];

interface Case {
  readonly call: 'put' | 'get';
  readonly size: number;
  readonly width: number;
}

async function measure(stand: Stand): Promise<Answer> {
  const shape = shapeOf(stand.quick);
  if (!stand.quick) await requireSpace(stand.data, 24 * 2 ** 30);
  await using zone = await ReturningZone.create(join(stand.place, 'store'), scrubBytesPerSecond);
  const load = new Load(zone);
  await load.fill(shape);
  const rates = new Rates();
  let discarded = 0;
  for (let round = 0; round < shape.rounds; round++) {
    // Else the first case would always meet the beginning of a copy, and the last one its end.
    const cases = round % 2 === 0 ? shape.cases : [...shape.cases].reverse();
    for (const state of Object.keys(states) as State[])
      for (const each of cases) {
        const { rate, tries } = await sample(load, states[state], () =>
          load.rate(each, shape.seconds),
        );
        discarded += tries - 1;
        rates.add(each, state, rate);
        const at = `round ${round + 1}/${shape.rounds}`;
        stand.say(`${at}: ${nameIn(each, state)}: ${short(rate)} a second`);
      }
  }
  stand.say(`${discarded} samples were discarded: something else went on`);
  await zone.enter(states['three zones']);
  await load.check();
  return answerOf(shape.cases, rates);
}

function shapeOf(quick: boolean): Shape {
  const cases: Case[] = [4 * kibi, mebi, 16 * mebi].flatMap((size) => [
    { call: 'put', size, width: 1 },
    { call: 'put', size, width: 8 },
  ]);
  cases.push({ call: 'get', size: 4 * kibi, width: 8 }, { call: 'get', size: mebi, width: 8 });
  if (!quick) return { seconds: 0.8, rounds: 5, inLog: 4096, large: 192, cases };
  const few = cases.filter(({ call, size, width }) =>
    call === 'put' ? size === mebi && width === 8 : size < mebi,
  );
  return { seconds: 0.4, rounds: 1, inLog: 512, large: 48, cases: few };
}

/** Again where what should go on did not do so all the while. */
async function sample(load: Load, state: UnderWay, rate: () => Promise<number>): Promise<Sample> {
  for (let tries = 1; tries <= triesMax; tries++) {
    await load.zone.enter(state);
    const before = await load.zone.look();
    const figure = await rate();
    const isIt = wentOn(state, before, await load.zone.look());
    await load.clear();
    await sleep(restMs);
    if (isIt) return { rate: figure, tries };
  }
  throw new Error(`${triesMax} times something else went on than ${JSON.stringify(state)}`);
}

interface Sample {
  readonly rate: number;
  readonly tries: number;
}

/** Objects that stay, to be read and to be copied, and objects that are put and removed again. */
class Load {
  readonly zone: ReturningZone;
  readonly #bodies = new Map<number, Bodies>();
  #put = 0;
  #putSize = 0;

  constructor(zone: ReturningZone) {
    this.zone = zone;
  }

  async fill({ inLog, large }: Shape): Promise<void> {
    const fillers = [[256 * kibi, inLog], [32 * mebi, large], ...kept] as const;
    for (const [size, count] of fillers) {
      const bodies = this.#bodiesOf(size);
      let n = 0;
      await keepInFlight(8, () =>
        n < count ? this.#bucket.put(keptKey(size, n), bodies.body(n++)) : null,
      );
    }
  }

  /** Calls per second. */
  async rate({ call, size, width }: Case, seconds: number): Promise<number> {
    const bucket = this.#bucket;
    const bodies = this.#bodiesOf(size);
    if (call === 'put') this.#putSize = size;
    const put = (): Promise<unknown> => bucket.put(putKey(this.#put), bodies.body(this.#put++));
    const count = kept.find(([each]) => each === size)?.[1] ?? 0;
    const get = async (): Promise<void> => {
      const n = Math.floor(Math.random() * count);
      const bytes = await (await bucket.get(keptKey(size, n)))?.bytes();
      if (bytes?.length !== size) throw new Error(`${keptKey(size, n)} is cut`);
    };
    const once = call === 'put' ? put : get;
    await rateOver(seconds / 5, width, once);
    return rateOver(seconds, width, once);
  }

  /** Throws unless what was put is there; then it goes, so that the store stays as it was. */
  async clear(): Promise<void> {
    if (this.#put === 0) return;
    await requireCount(this.#bucket, putPrefix, this.#put);
    const last = this.#put - 1;
    await requireBody(this.#bucket, putKey(last), this.#bodiesOf(this.#putSize), last);
    const keys = Array.from({ length: this.#put }, (_, n) => putKey(n));
    const { errors } = await this.#bucket.remove(keys);
    if (errors.length > 0) throw new Error(`not removed: ${JSON.stringify(errors[0])}`);
    this.#put = 0;
  }

  async check(): Promise<void> {
    for (const [size, count] of kept)
      await requireBodies(this.#bucket, (n) => keptKey(size, n), this.#bodiesOf(size), count);
  }

  get #bucket(): Bucket {
    return this.zone.bucket;
  }

  #bodiesOf(size: number): Bodies {
    const bodies = this.#bodies.get(size) ?? new Bodies(size);
    this.#bodies.set(size, bodies);
    return bodies;
  }
}

const putPrefix = 'put/';
const putKey = (n: number): string => `${putPrefix}${n}`;
const keptKey = (size: number, n: number): string => `kept/${size}/${n}`;

function nameOf({ call, size, width }: Case): string {
  const length = size < mebi ? `${size / kibi} KiB` : `${size / mebi} MiB`;
  return `${call} ${length} x${width}`;
}

/** The worst of all cases in all readings decides: the goal is one for each of them. */
function answerOf(cases: readonly Case[], rates: Rates): Answer {
  const compared = cases.flatMap((each) =>
    readings.map(([state, over]): Reading => {
      const [ours, floor] = [rates.of(each, state), rates.of(each, over)];
      const figures = ours.map((rate, round) => rate / (floor[round] as number));
      return { name: `${nameOf(each)}, ${state} / ${over}`, figures, ours, floor };
    }),
  );
  const worst = compared.reduce((a, b) => (median(b.figures) < median(a.figures) ? b : a));
  const peers: Record<string, number | string> = { worst: worst.name };
  for (const { name, figures } of compared) peers[`${name} (x)`] = median(figures);
  const { figures, ours, floor } = worst;
  return { figures, ours: median(ours), floor: median(floor), peers };
}

interface Reading {
  readonly name: string;
  /** One for each round. */
  readonly figures: readonly number[];
  readonly ours: readonly number[];
  readonly floor: readonly number[];
}

/** Calls per second, one for each round. */
class Rates {
  readonly #rates = new Map<string, number[]>();

  add(each: Case, state: State, rate: number): void {
    this.#rates.set(nameIn(each, state), [...this.of(each, state), rate]);
  }

  of(each: Case, state: State): readonly number[] {
    return this.#rates.get(nameIn(each, state)) ?? [];
  }
}

function nameIn(each: Case, state: State): string {
  return `${nameOf(each)}, ${state}`;
}
