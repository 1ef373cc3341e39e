// A recording (recorder.c), as the images that a power cut may have left of its disk.
import { createHash } from 'node:crypto';

/** Whatever a disk is asked to write reaches it in units of so many bytes, whole ones. */
const unit = 4096;
const head = 13;

/** @returns {Generator<{kind: string, offset: number, bytes: Buffer}>} */
export function* entriesOf(recording) {
  for (let at = 0; at + head <= recording.length; ) {
    const size = recording.readUInt32LE(at + 9);
    yield {
      kind: String.fromCharCode(recording[at]),
      offset: Number(recording.readBigUInt64LE(at + 1)),
      bytes: recording.subarray(at + head, at + head + size),
    };
    at += head + size;
  }
}

/** A disk as bytes, with a hash that follows every write. */
class Disk {
  constructor(bytes, sums) {
    this.bytes = bytes;
    this.sums = sums ?? Array.from({ length: bytes.length / unit }, (_, i) => this.#sumOf(i));
    this.sum = this.sums.reduce((sum, each) => sum ^ each, 0n);
  }
  copy() {
    return new Disk(Buffer.from(this.bytes), [...this.sums]);
  }
  write(offset, bytes) {
    bytes.copy(this.bytes, offset);
    const last = Math.floor((offset + bytes.length - 1) / unit);
    for (let i = Math.floor(offset / unit); i <= last; i++) {
      this.sum ^= this.sums[i];
      this.sums[i] = this.#sumOf(i);
      this.sum ^= this.sums[i];
    }
  }
  #sumOf(i) {
    const bytes = this.bytes.subarray(i * unit, (i + 1) * unit);
    const hash = createHash('sha256').update(bytes).update(`${i}`).digest();
    return hash.readBigUInt64LE(0);
  }
}

/** A write as the units that may survive without each other. */
function unitsOf({ offset, bytes }) {
  const units = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(unit - ((offset + at) % unit), bytes.length - at);
    units.push({ offset: offset + at, bytes: bytes.subarray(at, at + size) });
    at += size;
  }
  return units;
}

/**
 * Every state from the mark `start` on: at each mark, what was flushed before it, for all that is
 * told must be there; after each write, all that came before it; before each flush, some draws of
 * what was not flushed, each unit kept or lost by itself.
 * @param lie the disk forgets every flush but each `lie`-th, and still says that it did it: a store
 *   on such a disk must be found wanting, or this test finds nothing
 * @returns {Generator<{disk: Disk, marks: string[]}>} the disk is used again after the next step
 */
export function* statesOf(recording, size, random, { draws = 2, lie = 1 } = {}) {
  const prefix = new Disk(Buffer.alloc(size));
  const durable = new Disk(Buffer.alloc(size));
  let [unflushed, marks, flushes, started] = [[], [], 0, false];
  const flush = () => {
    for (const write of unflushed) durable.write(write.offset, write.bytes);
    unflushed = [];
  };
  function* drawn() {
    for (let draw = 0; draw < draws; draw++) {
      const disk = durable.copy();
      const odds = 1 + random(9);
      for (const each of unflushed.flatMap(unitsOf)) {
        if (random(10) < odds) disk.write(each.offset, each.bytes);
      }
      yield { disk, marks };
    }
  }
  for (const { kind, offset, bytes } of entriesOf(recording)) {
    if (kind === 'M') {
      marks = [...marks, ...bytes.toString().trim().split(' ')];
      started ||= marks.includes('start');
      if (started) yield { disk: durable, marks };
      continue;
    }
    if (kind === 'W') {
      prefix.write(offset, bytes);
      unflushed.push({ offset, bytes });
      if (started && lie === 1) yield { disk: prefix, marks };
    } else {
      if (started && unflushed.length > 0) yield* drawn();
      if (++flushes % lie === 0 || !started) flush();
    }
  }
}
