// The life of a store of three zones on disk, through many processes: lanes of calls at full load,
// zones that go and come back or are replaced, processes that are killed amid all of it or end as
// they may. Each next process first finds everything that the rules say (rules.mjs, judge.mjs).
import { setTimeout as sleep } from 'node:timers/promises';
import { randomOf } from '../blocks/plan.mjs';
import { Lane, sharedBucket } from './draw.mjs';
import { apply, faultsIn, isSame } from './judge.mjs';
import { Mortal } from './mortal.mjs';
import { outcomeOf } from './rules.mjs';
import { Zones } from './zones.mjs';

/** How long a zone may take until it is whole again, while nobody kills the process. */
const wholeMsMax = 60_000;
/** Sessions that end before a zone was whole again; then one waits for it. */
const cutShortMax = 4;

export class Life {
  /** What was acknowledged, by the names of rules.mjs. */
  rows = new Map();
  zones;
  /** `{kind, what}`: lost, torn, resurrected, failedOpen, mismatches. */
  faults = [];
  figures = { operations: 0, refusals: 0, acked: 0, inFlight: 0, crashes: 0, reopens: 0 };
  #random;
  #lanes;
  /** By lane: what its call changes that was not answered yet. */
  #pending = new Map();
  #made = false;
  #cutShort = 0;

  constructor({ folders, seed, lanes, mix }) {
    this.zones = new Zones(folders);
    this.#random = randomOf(seed);
    this.#lanes = Array.from({ length: lanes }, (_, number) => {
      const random = randomOf(seed * 1000 + number);
      return new Lane(number, mix, this.rows, random, `${seed}/${number}`);
    });
  }

  count = (kind) => this.faults.filter((fault) => fault.kind === kind).length;
  chance = (percent) => this.#random(100) < percent;
  below = (count) => this.#random(count);

  /**
   * One process.
   * @param spells what it does between two comparisons: calls for so many `ms`, or so many `steps`
   * @param plan `killedAfterMs`: it is killed while it opens or is compared, if that takes longer ·
   *   `kill`: it is killed amid its last spell, else it closes · `chores`: further steps, in the
   *   first spell · `zones`: how likely something happens to a zone, in percent
   */
  async session({ spells, kill, killedAfterMs, chores = [], zones = 0 }) {
    if (this.#made && this.chance(zones / 2)) this.#moveZone();
    const child = this.#process();
    const early = killedAfterMs && setTimeout(() => child.kill(), killedAfterMs);
    const isOpen = (await this.#isOpened(child)) && (await this.#compares(child));
    clearTimeout(early);
    if (isOpen) {
      for (const [i, spell] of spells.entries()) {
        const last = i === spells.length - 1;
        const dies = last && kill;
        const done = await this.#lives(child, { ...spell, dies, zones, chores: i ? [] : chores });
        if (!done || this.faults.length > 0) break;
        if (!last && !(await this.#compares(child))) break;
      }
      if (!kill && this.faults.length === 0) await this.#closes(child);
    }
    if (this.faults.length > 0 || !kill) child.kill();
    await child.ended;
    if (child.fault) this.#blame('mismatches', child.fault);
    this.figures[kill || killedAfterMs ? 'crashes' : 'reopens']++;
  }

  /** The last process: every zone is made whole, and each of their bytes is looked at. */
  async end() {
    if (this.zones.state === 'away') this.zones.bringBack();
    const child = this.#process();
    if ((await this.#isOpened(child)) && (await this.#compares(child))) {
      await this.#untilWhole(child, { over: false });
      const { value, ...refusal } = (await child.call({ verb: 'verify' })) ?? { code: 'it died' };
      if (value?.found !== 0)
        this.#blame('mismatches', `verify: ${JSON.stringify(value?.findings ?? refusal)}`);
      await this.#closes(child);
    }
    child.kill();
    await child.ended;
  }

  #process() {
    const argument = { zones: this.zones.ways, create: !this.#made };
    return new Mortal(argument, (number) => this.zones.isExpelled(number));
  }

  async #isOpened(child) {
    const opened = await child.opened;
    if (opened === null) return false;
    if (opened.code) {
      this.#blame('failedOpen', `${opened.code}: ${opened.message}`);
      return false;
    }
    this.zones.opened(opened.value);
    this.#made = true;
    return true;
  }

  async #compares(child) {
    const answer = await child.call({ verb: 'find' });
    if (answer === null) return false;
    if (answer.code) {
      this.#blame('lost', `nothing can be compared: ${answer.code}: ${answer.message}`);
      return false;
    }
    const pending = [...this.#pending.values()].filter((changes) => changes.length > 0);
    this.#pending.clear();
    this.figures.inFlight += pending.length;
    for (const { kind, row } of faultsIn(this.rows, pending, new Map(answer.value)))
      this.#blame(kind, row);
    return this.faults.length === 0;
  }

  /** False when it died. */
  async #lives(child, { ms, steps = Number.POSITIVE_INFINITY, dies, zones, chores }) {
    const spell = { over: false, left: steps };
    const inBackground = [this.#happens(child, spell, zones)];
    for (const chore of chores) inBackground.push(this.#does(child, chore));
    const end = async () => {
      if (this.#cutShort >= cutShortMax) await inBackground[0];
      if (dies) child.kill();
      else spell.over = true;
    };
    // The moment of a kill has nothing to do with that of an answer.
    spell.used = () => setTimeout(end, dies ? this.below(4) : 0);
    const timer = ms && setTimeout(end, ms);
    if (!this.rows.has(`b/${sharedBucket}`))
      await this.#calls(sharedBucket, { verb: 'createBucket', bucket: sharedBucket }, child);
    const lanes = this.#lanes.map(async (lane) => {
      while (!spell.over && (await this.#calls(lane, lane.next(), child))) {
        if (--spell.left === 0) spell.used();
        if (this.faults.length > 0) spell.over = true;
      }
    });
    await Promise.all([...lanes, ...inBackground]);
    clearTimeout(timer);
    if (this.zones.state === 'returning') this.#cutShort++;
    else this.#cutShort = 0;
    return !dies;
  }

  /** One call, and what the rules say of it. False when it was not answered. */
  async #calls(lane, step, child) {
    const outcome = outcomeOf(this.rows, step);
    this.#pending.set(lane, outcome.changes ?? []);
    const answer = await child.call(step);
    if (answer === null) return false; // What was pending stays so: the next process shows.
    this.#pending.delete(lane);
    this.figures.operations++;
    if (answer.code !== outcome.code || !isSame(answer.value, outcome.value)) {
      const said = JSON.stringify({ step, expected: { ...outcome, changes: undefined }, answer });
      this.#blame('mismatches', said);
      return false;
    }
    if (outcome.code) this.figures.refusals++;
    if (outcome.code) return true;
    if (outcome.changes.length > 0) this.figures.acked++;
    const { etag, uploadId } = answer.value ?? {};
    for (const [row, after] of outcome.changes) {
      const isNew = after?.etag === null && etag !== undefined;
      apply(this.rows, row.replace(/\?$/, uploadId), isNew ? { ...after, etag } : after);
    }
    return true;
  }

  /** A step that the rules say nothing of. @returns its answer, or null */
  async #does(child, step) {
    const answer = await child.call(step);
    if (answer?.code) this.#blame('mismatches', `${step.verb}: ${answer.code}: ${answer.message}`);
    return answer?.code ? null : answer;
  }

  #moveZone() {
    if (this.zones.state === 'whole') this.zones.takeAway(this.below(3));
    else if (this.zones.state === 'away') this.zones.bringBack();
  }

  /** What becomes of a zone while the store is in use. */
  async #happens(child, spell, odds) {
    await sleep(this.below(40));
    if (this.chance(odds / 2)) {
      if (this.zones.state === 'whole' && this.chance(40)) {
        const step = { verb: 'replaceZone', ...this.zones.beginReplacing(this.below(3)) };
        if (await this.#does(child, step)) this.zones.isReplaced();
      } else this.#moveZone();
    }
    if (this.zones.state === 'returning') await this.#untilWhole(child, spell);
  }

  async #untilWhole(child, spell) {
    const late = Date.now() + wholeMsMax;
    let status = null;
    do {
      await sleep(20);
      status = await this.#does(child, { verb: 'status' });
      if (status?.value.ok) return this.zones.isWhole();
    } while (status && !spell.over && Date.now() < late);
    if (Date.now() >= late)
      this.#blame('mismatches', `a zone does not become whole: ${status?.value.degraded}`);
  }

  async #closes(child) {
    await this.#does(child, { verb: 'close' });
    await child.ended;
  }

  #blame(kind, what) {
    this.faults.push({ kind, what });
    console.error(`${kind}: ${what.slice(0, 2000)}`);
  }
}
