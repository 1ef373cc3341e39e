// The planted mistakes (native/base/bugs.h): what each does, and which suites are asked first. They
// exist for other reasons; whichever fails is the one that caught it.
const sim = { sim: true };
const suites = (...filters) => ({ filters });

export const bugs = [
  [
    'no-directory-fsync',
    'a new segment whose name is never synced',
    [suites('ReplicatedLog'), sim],
  ],
  ['ack-before-sync', 'a batch is acknowledged when it is written', [suites('ReplicatedLog'), sim]],
  ['retried-fsync', 'a failed sync is tried again, and believed', [suites('ReplicatedLog'), sim]],
  [
    'moved-folder-unnoticed',
    'writes go on into a zone that was deleted or moved',
    [suites('ReplicatedLog', 'Engine.', 'Opening')],
  ],
  [
    'ack-before-expulsion',
    'two zones hold the batch, and no new epoch says so',
    [suites('ReplicatedLog', 'Recovery'), sim],
  ],
  [
    'stale-zone-outvotes',
    'a zone outside the ruling set counts as a member',
    [suites('Ruling', 'Recovery'), sim],
  ],
  ['fork-taken-as-tail', 'two records of one epoch are no reason to refuse', [suites('Ruling')]],
  ['fork-cut-off', 'a zone that lived on by itself is cut', [suites('Fork')]],
  [
    'quorum-tail-for-set-tail',
    'the truth is what a quorum holds, not what a member of the set holds',
    [suites('Recovery', 'ReplicatedLog'), sim],
  ],
  [
    'open-without-sync',
    'what a dead process left in the cache is served before it is synced',
    [suites('Recovery', 'Opening'), sim],
  ],
  ['torn-cells-believed', 'the last batch is whole when its record is', [suites('Recovery'), sim]],
  [
    'rot-cut-as-torn',
    'what lies behind rot is cut off like a torn end',
    [suites('Recovery', 'Flips')],
  ],
  ['tail-not-cut', 'a torn batch stays behind the tail', [suites('TornTail')]],
  [
    'lagging-member-counts',
    'a member that lost what it had acknowledged counts all the same',
    [suites('LaggingMember')],
  ],
  [
    'epoch-without-reservation',
    'an epoch is served whose number no superblock keeps',
    [suites('Recovery', 'ReplicatedLog', 'Creation'), sim],
  ],
  [
    'one-superblock-slot',
    'a superblock is written over the one that rules',
    [suites('Superblock')],
  ],
  ['no-commitment-check', 'a key is taken for right unseen', [suites('Chunk', 'SealHeader')]],
  ['no-last-flag', 'the last chunk is sealed like any other', [suites('Chunk')]],
  ['short-tag-accepted', 'four bytes of a tag are enough', [suites('Gcm', 'Xaes')]],
  ['dropped-aad-field', 'a wrap does not name its blob', [suites('Row', 'SmallBlob')]],
  ['reused-nonce', 'every record is sealed under one nonce', [suites('NonceUniqueness')]],
  [
    'table-key-from-its-number',
    'the key of a table is made from its number, which comes again',
    [suites('SealedFile', 'Manifest', 'Index', 'NonceUniqueness')],
  ],
  [
    'old-table-accepted',
    'an older table stands in under its number',
    [suites('Index', 'Manifest')],
  ],
  [
    'scan-ignores-status',
    'a page that could not be read whole is served',
    [suites('Index', 'Scan', 'IndexRot')],
  ],
  ['checksum-as-truth', 'a right checksum makes a cell right', [suites('Blob', 'Fuzz', 'Flips')]],
  [
    'unopened-cell-served',
    'a cell whose key came too late counts as opened',
    [suites('ReadPass', 'Fuzz.BlobReader')],
  ],
  [
    'blob-committed-unsynced',
    'a large blob is committed before its files are synced',
    [suites('BlobRoundtrip', 'Engine.'), sim],
  ],
  [
    'blob-without-its-name',
    'a large blob is committed before its name is synced',
    [suites('BlobRoundtrip', 'Engine.'), sim],
  ],
  [
    'blob-in-too-few-zones',
    'a row names a blob that a zone of the set lacks',
    [suites('Engine.', 'Opening'), sim],
  ],
  [
    'unlinked-before-commit',
    'the files of a replaced blob go before the commit stands',
    [suites('Engine.'), sim],
  ],
  [
    'reference-not-counted',
    'a second row that names a blob is not counted',
    [suites('Engine.'), sim],
  ],
  ['overwritten-blob-kept', 'a blob that no row names stays for ever', [suites('Engine.')]],
  [
    'batch-kept-after-failed',
    'the batch behind a failed one is written all the same',
    [suites('FailedBatch')],
  ],
  [
    'flight-not-checked',
    'conditions are checked against the index alone',
    [suites('Engine.'), sim],
  ],
  ['replay-off-by-one', 'an index misses the first record of its replay', [suites('Engine.'), sim]],
  [
    'foreign-index-kept',
    'an index that does not lead to the tail is served',
    [suites('ForeignIndex')],
  ],
  [
    'lock-released-under-a-thread',
    'the lock goes while a thread may still write',
    [suites('Closing', 'Opening')],
  ],
  ['heal-without-reread', 'what was healed is not read again', [suites('BlobHealer')]],
  [
    'live-row-not-carried',
    'a segment is retired with rows that live in it',
    [suites('Compaction'), sim],
  ],
  [
    'version-not-carried',
    'a segment is retired with frames of rows that stay as versions',
    [suites('Versions'), sim],
  ],
  [
    'old-version-dropped',
    'what stood under a key goes, though it must stay as a version',
    [suites('Versions'), sim],
  ],
  ['revision-changed-by-carry', 'a carried row counts as written anew', [suites('Compaction')]],
  [
    'unlinked-before-retired',
    'a segment goes before a commit says that the log begins behind it',
    [suites('Compaction')],
  ],
  [
    'unlinked-under-readers',
    'a segment goes while somebody is about to read in it',
    [suites('Compaction')],
  ],
  ['upload-swept', 'a file that no row names yet is swept', [suites('Sweep')]],
].map(([name, what, ask]) => ({ name, what, ask }));
