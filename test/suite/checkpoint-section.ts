// What an engine promises of checkpoints.
import {
  checkpointKey,
  checkpointsKept,
  decodeCheckpointBody,
} from '../../lib/engine/checkpoint-row.ts';
import { demandCheckpoint } from '../../lib/store/checkpoint.ts';
import { rejection, type WithEngine } from './support.ts';

export function checkpointSection(withEngine: WithEngine): void {
  withEngine('holds the row of a checkpoint', async (t, engine) => {
    const [first, second] = [await engine.checkpoint(), await engine.checkpoint()];
    t.true(second.sequence > first.sequence);
    t.not(first.token, second.token);
    for (const taken of [first, second]) {
      const found = await engine.get({ key: checkpointKey(taken.sequence) });
      t.is(found?.row.revision, taken.sequence);
      t.deepEqual(decodeCheckpointBody(taken.sequence, found?.row.body as Uint8Array), taken);
    }
  });

  withEngine('writes the rows of checkpoints alone', async (t, engine) => {
    const { sequence } = await engine.checkpoint();
    const key = checkpointKey(sequence);
    const forged = { key, modified: 7, body: Buffer.alloc(48) };
    await rejection(t, engine.commit({ effects: [forged] }), 'InvalidArgument');
    await rejection(t, engine.commit({ effects: [{ key, delete: true }] }), 'InvalidArgument');
  });

  withEngine('says what it makes of a checkpoint', async (t, engine) => {
    const taken = await engine.checkpoint();
    const { storeId } = engine;
    const checkpoint = { ...taken, sequence: String(taken.sequence), storeId };
    await t.notThrowsAsync(demandCheckpoint(engine, checkpoint));
    const others = [
      { ...checkpoint, storeId: '0'.repeat(32) },
      { ...checkpoint, token: '0'.repeat(32) },
      { ...checkpoint, chainHash: '0'.repeat(64) },
      { ...checkpoint, sequence: String(taken.sequence + 1) },
      { ...checkpoint, sequence: '1000000' },
    ];
    for (const other of others)
      await rejection(t, demandCheckpoint(engine, other), 'STORE_ROLLED_BACK');
  });

  withEngine('keeps the newest thousand checkpoints', async (t, engine) => {
    const at = { storeId: engine.storeId };
    const taken = [];
    for (let i = 0; i <= checkpointsKept; i++) taken.push(await engine.checkpoint());
    const [oldest, next, last] = [taken[0], taken[1], taken.at(-1)].map((each) => ({
      ...at,
      sequence: String(each?.sequence),
      chainHash: each?.chainHash as string,
      token: each?.token as string,
    }));
    await t.notThrowsAsync(demandCheckpoint(engine, last as NonNullable<typeof last>));
    await t.notThrowsAsync(demandCheckpoint(engine, next as NonNullable<typeof next>));
    const demand = demandCheckpoint(engine, oldest as NonNullable<typeof oldest>);
    await rejection(t, demand, 'CHECKPOINT_GONE');
  });
}
