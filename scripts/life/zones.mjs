// The directories of a store's three zones: one of them at a time may be away, or not whole yet.
//
//   whole ──takeAway──▶ away ──bringBack──▶ returning ──isWhole──▶ whole
//     └──beginReplacing──▶ replacing ──isReplaced──▶ whole
//                              └──opened (after a kill)──▶ returning, with the old one or the new
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export class Zones {
  state = 'whole';
  /** The one of which the state tells, from 0. */
  zone = 0;
  losses = 0;
  replacements = 0;
  #paths;
  #folders;
  #fresh = null;

  /** @param folders one for all zones, or one for each; each empty, or not there */
  constructor(folders) {
    this.#folders = [0, 1, 2].map((zone) => folders[zone] ?? folders[0]);
    for (const folder of this.#folders) mkdirSync(folder, { recursive: true });
    this.#paths = this.#folders.map((folder, zone) => join(folder, `zone-${zone + 1}`));
    if (this.#paths.some(existsSync)) throw new Error(`a store lies in ${folders.join(', ')}`);
  }

  /** The ways in which an open may find them: a replacement that was cut short may count or not. */
  get ways() {
    return this.#fresh === null ? [this.#paths] : [this.#paths, this.#replaced];
  }
  get #replaced() {
    return this.#paths.with(this.zone, this.#fresh);
  }
  get #away() {
    return `${this.#paths[this.zone]}.away`;
  }

  takeAway(zone) {
    Object.assign(this, { zone, state: 'away' });
    this.losses++;
    renameSync(this.#paths[zone], this.#away);
  }
  bringBack() {
    this.state = 'returning';
    renameSync(this.#away, this.#paths[this.zone]);
  }
  /** By the store itself, from 1: its disk was slow, if nothing was done to it here. */
  isExpelled(number) {
    if (this.state === 'whole') Object.assign(this, { zone: number - 1, state: 'returning' });
  }
  isWhole() {
    this.state = 'whole';
  }

  /** @returns what replaceZone is to be told */
  beginReplacing(zone) {
    Object.assign(this, { zone, state: 'replacing' });
    this.replacements++;
    this.#fresh = join(this.#folders[zone], `zone-${zone + 1}-${this.replacements}`);
    return { zone: zone + 1, path: this.#fresh };
  }
  isReplaced() {
    rmSync(this.#paths[this.zone], { recursive: true });
    this.#paths = this.#replaced;
    this.#fresh = null;
    this.state = 'whole';
  }
  /** After a kill, by which of the ways it opened. */
  opened(way) {
    if (this.#fresh === null) return;
    if (way === 1) this.isReplaced();
    else rmSync(this.#fresh, { recursive: true, force: true });
    this.#fresh = null;
    this.state = 'returning';
  }
}
