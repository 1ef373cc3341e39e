// The next step of a lane, drawn from what the rules say that the store holds.
//
// Lanes run at once and none meets another's rows: each has a bucket of its own and its own names
// in one that all share. So what each call must answer is certain, also for a listing, while the
// commits of all lanes meet in the same batches.
import { sizeOf, under } from './rules.mjs';

export const sharedBucket = 'shared';
const names = ['a', 'a/1', 'a/2', 'b/1', 'b/c/2', 'd', 'e/😀', 'e/ü', 'f f', 'g', 'h/1', 'h/2'];
const nobody = `"${'0'.repeat(32)}"`;

/**
 * How often each kind of step is drawn; of a hundred bodies, up to which one they have a size from
 * here to there; of a hundred calls, how many are wrong.
 */
export const underLoad = {
  steps: {
    ...{ put: 40, append: 10, copy: 8, move: 3, remove: 10, removeMany: 2, tags: 5 },
    ...{ upload: 12, transaction: 10 },
  },
  sizes: [
    [55, 0, 4000],
    [85, 4000, 262_144],
    [100, 262_145, 1_200_000],
  ],
  wrong: 0,
};
export const everything = {
  steps: {
    ...{ put: 20, append: 6, copy: 6, move: 2, remove: 6, removeMany: 1, tags: 8 },
    ...{ upload: 8, transaction: 4, get: 20, head: 6, has: 2, list: 8, bucket: 1, uploads: 1 },
  },
  sizes: [
    [84, 0, 4000],
    [96, 4000, 100_000],
    [100, 262_145, 600_000],
  ],
  wrong: 15,
};

export class Lane {
  #random;
  #mix;
  #rows;
  #tag;
  #drawn = 0;
  /** Its own bucket is to be deleted. */
  #emptying = false;
  #deck;

  /** @param random below → a number; `tag`: no other lane's bodies have it */
  constructor(number, mix, rows, random, tag) {
    this.#random = random;
    this.#mix = mix;
    this.#rows = rows;
    this.#tag = tag;
    this.#deck = Object.entries(mix.steps).flatMap(([kind, weight]) => Array(weight).fill(kind));
    this.own = `own-${number}`;
    this.places = [
      { bucket: sharedBucket, prefix: `${number}/` },
      { bucket: this.own, prefix: '' },
    ];
  }

  next() {
    if (!this.#rows.has(`b/${this.own}`)) {
      this.#emptying = false;
      if (this.#chance(50)) return { verb: 'createBucket', bucket: this.own };
    }
    if (this.#emptying) return this.#emptied();
    return this.#kinds[this.#pick(this.#deck)]();
  }

  #pick = (list) => list[this.#random(list.length)];
  #chance = (percent) => this.#random(100) < percent;
  #wrong = () => this.#chance(this.#mix.wrong);

  #key() {
    const { bucket, prefix } = this.#pick(this.places);
    return { bucket, key: prefix + this.#pick(names) };
  }
  #objects({ bucket, prefix } = this.#pick(this.places)) {
    return under(this.#rows, `o/${bucket}/${prefix}`).map(([rest, object]) => ({
      place: { bucket, key: prefix + rest },
      object,
    }));
  }
  /** Of an object that is there, most of the time. */
  #there(isFit = () => true) {
    const fit = this.#objects().filter(({ object }) => isFit(object));
    return fit.length === 0 || this.#chance(this.#mix.wrong) ? this.#key() : this.#pick(fit).place;
  }
  #objectAt = ({ bucket, key }) => this.#rows.get(`o/${bucket}/${key}`);

  #body(least = 0) {
    const roll = this.#random(100);
    const [, from, to] = this.#mix.sizes.find(([below]) => roll < below);
    const size = Math.max(from + this.#random(to - from), least);
    return { tag: `${this.#tag}/${this.#drawn++}`, size };
  }
  #labels() {
    const labels = {};
    if (this.#chance(20)) labels.tags = this.#tags();
    if (this.#chance(20)) labels.metadata = { note: `${this.#drawn}` };
    return labels;
  }
  #tags() {
    const count = this.#wrong() ? 11 : this.#random(4);
    return Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, `${this.#drawn}`]));
  }
  /** One that holds, or one that does not; of an object whose label nobody knows, none. */
  #condition(place) {
    if (!this.#chance(20)) return undefined;
    const etag = this.#objectAt(place)?.etag;
    if (etag === null) return undefined;
    if (this.#wrong()) return this.#pick([{ absent: true }, { etag: nobody }]);
    return etag === undefined ? { absent: true } : { etag };
  }
  #readOptions(place) {
    const etag = this.#objectAt(place)?.etag;
    if (!etag || !this.#chance(20)) return undefined;
    return this.#pick([{ etag }, { notEtag: nobody }, { notEtag: etag }, { etag: nobody }]);
  }
  /** One way at most in which a put is wrong: which of several is told is nobody's promise. */
  #putOptions(place, body) {
    const options = this.#labels();
    if (Object.keys(options.tags ?? {}).length > 10) return options;
    const onlyIf = this.#condition(place);
    if (onlyIf) return { ...options, onlyIf };
    if (!this.#rows.has(`b/${place.bucket}`) || !this.#wrong()) return options;
    const flaw = this.#pick([{ size: body.size + 1 }, { checksum: { crc64: '1' } }]);
    return { ...options, ...flaw };
  }

  #put(place = this.#key()) {
    const body = this.#body();
    if (this.#mix.wrong && this.#chance(1)) return { verb: 'put', ...place, key: '/no', body };
    const options = this.#putOptions(place, body);
    return { verb: 'put', ...place, body, options, stream: this.#chance(20) };
  }
  #copy() {
    const from = this.#there();
    const place = this.#key();
    const options = this.#labels();
    const onlyIf = this.#condition(place);
    return { verb: 'copy', from, ...place, options: onlyIf ? { ...options, onlyIf } : options };
  }
  #removal() {
    const place = this.#there();
    const onlyIf = this.#condition(place);
    return { verb: 'remove', ...place, options: onlyIf?.etag ? { onlyIf } : {} };
  }

  /** An upload is begun, gets parts, and is completed or aborted, each in a step of its own. */
  #upload() {
    const { bucket, prefix } = this.#pick(this.places);
    const uploads = under(this.#rows, `u/${bucket}/`).filter(([, { key }]) =>
      key.startsWith(prefix),
    );
    if (uploads.length < 2 && this.#chance(60)) {
      const key = prefix + this.#pick(names);
      return { verb: 'upload', bucket, key, options: this.#labels() };
    }
    if (uploads.length === 0) return this.#put();
    const [uploadId, { key }] = this.#pick(uploads);
    const place = { bucket, key, uploadId: this.#wrong() ? '0'.repeat(32) : uploadId };
    const parts = under(this.#rows, `p/${uploadId}/`);
    const roll = this.#random(10);
    if (parts.length === 0 || (roll < 6 && parts.length < 5)) {
      const body = this.#body(this.#wrong() ? 0 : 102_400);
      return { verb: 'part', ...place, number: 1 + this.#random(6), body };
    }
    if (roll === 6) return { verb: 'abort', ...place };
    if (roll === 7 && this.#mix.steps.uploads) return { verb: 'parts', ...place };
    return { verb: 'complete', ...place, ...this.#chosenParts(parts) };
  }
  #chosenParts(parts) {
    const all = parts.map(([number, { etag }]) => ({ partNumber: +number, etag }));
    const some = all.sort((a, b) => a.partNumber - b.partNumber).filter(() => this.#chance(80));
    if (this.#chance(50) || some.length === 0) return {};
    if (!this.#wrong()) return { parts: some };
    return { parts: this.#pick([[{ ...some[0], etag: nobody }], some.reverse()]) };
  }

  #transaction() {
    const changes = Array.from({ length: 1 + this.#random(5) }, () => {
      const roll = this.#random(10);
      const place = this.#key();
      if (roll < 6) return { verb: 'put', ...place, body: this.#body(), options: {} };
      if (roll < 8) return { verb: 'remove', ...place, options: {} };
      const from = this.#pick([...this.#objects(), { place: this.#key() }]).place;
      return { verb: 'copy', from, ...place, options: { tags: { copied: 'yes' } } };
    });
    const place = this.#key();
    const onlyIf = this.#condition(place);
    const demands = onlyIf ? [{ ...place, onlyIf }] : [];
    return { verb: 'transaction', changes, demands };
  }

  #get() {
    const place = this.#there();
    const onlyIf = this.#readOptions(place);
    if (onlyIf) return { verb: 'get', ...place, options: { onlyIf } };
    const object = this.#objectAt(place);
    if (!object || this.#chance(50)) return { verb: 'get', ...place };
    const size = sizeOf(object);
    const offset = this.#wrong() ? size + this.#random(10) : this.#random(size + 1);
    const length = 1 + this.#random(size + 10);
    const range = this.#pick([{ offset }, { offset, length }, { suffix: this.#random(size + 10) }]);
    return { verb: 'get', ...place, options: { range } };
  }
  #list() {
    const { bucket, prefix } = this.#pick(this.places);
    const options = { prefix: prefix + this.#pick(['', '', 'a', 'b/', 'e/', 'zz']) };
    if (this.#chance(50)) options.delimiter = this.#pick(['/', '/', 'c', '😀']);
    if (this.#chance(30)) options.startAfter = prefix + this.#pick([...names, 'b/', 'c']);
    if (this.#chance(30)) options.reverse = true;
    if (this.#chance(30)) options.limit = 1 + this.#random(6);
    return { verb: 'list', bucket, options };
  }
  #tagging() {
    const place = this.#there();
    const roll = this.#random(this.#mix.steps.get ? 4 : 3);
    if (roll < 2) return { verb: 'setTags', ...place, tags: this.#tags() };
    return { verb: roll === 2 ? 'deleteTags' : 'tags', ...place };
  }
  #bucket() {
    const bucket = this.own;
    const verb = this.#pick(['createBucket', 'deleteBucket', 'hasBucket', 'empty', 'empty']);
    if (verb !== 'empty') return { verb, bucket };
    this.#emptying = true;
    return { verb: 'hasBucket', bucket };
  }
  #emptied() {
    const bucket = this.own;
    const [upload] = under(this.#rows, `u/${bucket}/`);
    if (upload) return { verb: 'abort', bucket, uploadId: upload[0], key: upload[1].key };
    const keys = under(this.#rows, `o/${bucket}/`).map(([key]) => key);
    if (keys.length > 0) return { verb: 'removeMany', bucket, keys };
    return { verb: 'deleteBucket', bucket };
  }

  #kinds = {
    put: () => this.#put(),
    append: () => {
      const place = this.#there(
        (object) => object.type === 'Appendable' && sizeOf(object) < 1_000_000,
      );
      const object = this.#objectAt(place);
      const grown = object?.type === 'Appendable' && sizeOf(object) >= 1_000_000;
      if (grown || (object && object.type !== 'Appendable' && !this.#wrong()))
        return this.#put(place);
      const body = this.#body();
      if (!object) return { verb: 'append', ...place, body, options: this.#labels() };
      const position = sizeOf(object) + (this.#wrong() ? 1 : 0);
      return { verb: 'append', ...place, body, options: this.#chance(50) ? { position } : {} };
    },
    copy: () => this.#copy(),
    move: () => {
      const { bucket, key: from } = this.#there();
      const { prefix } = this.places.find((place) => place.bucket === bucket);
      return { verb: 'move', bucket, from, key: prefix + this.#pick(names) };
    },
    remove: () => this.#removal(),
    removeMany: () => {
      const { bucket, prefix } = this.#pick(this.places);
      const keys = names.filter(() => this.#chance(25)).map((name) => prefix + name);
      return { verb: 'removeMany', bucket, keys };
    },
    tags: () => this.#tagging(),
    upload: () => this.#upload(),
    transaction: () => this.#transaction(),
    get: () => this.#get(),
    head: () => {
      const place = this.#there();
      return { verb: 'head', ...place, options: { onlyIf: this.#readOptions(place) } };
    },
    has: () => ({ verb: 'has', ...this.#key() }),
    list: () => this.#list(),
    uploads: () => {
      const { bucket, prefix } = this.#pick(this.places);
      return { verb: 'uploads', bucket, prefix };
    },
    bucket: () => this.#bucket(),
  };
}
