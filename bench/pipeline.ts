// What do parity and checksums cost beside the cipher?
import { randomBytes } from 'node:crypto';
import { median } from './rig/figures.ts';
import { measured } from './rig/native.ts';
import { figureOf, type RonomonReedSolomon } from './rig/peers.ts';
import type { Answer, Question, Stand } from './rig/question.ts';

export const pipeline: Question = {
  name: 'pipeline',
  asks: 'seal + encode 4+2 + checksum without I/O, one thread, over AES-256-GCM of EVP alone',
  better: 'higher',
  unit: 'x',
  goal: 0.7,
  measures: 'GB/s',
  measure,
};

/** Above this the cipher is VAES (OpenSSL 3.5), and all else weighs more beside it. */
const fastCipherGbps = 10;

async function measure(stand: Stand): Promise<Answer> {
  const { pipeline } = await measured();
  const bytes = stand.quick ? 2 ** 25 : 2 ** 29;
  pipeline(bytes / 4);
  // Native code alternates the two every few milliseconds within each round.
  const rounds = Array.from({ length: stand.quick ? 2 : 9 }, () => pipeline(bytes));
  const cipher = median(rounds.map(({ evpGbps }) => evpGbps));
  return {
    figures: rounds.map(({ pipelineGbps, evpGbps }) => pipelineGbps / evpGbps),
    ours: median(rounds.map(({ pipelineGbps }) => pipelineGbps)),
    floor: cipher,
    goal: cipher < fastCipherGbps ? 0.7 : 0.5,
    peers: {
      '@ronomon/reed-solomon, parity only': await figureOf('@ronomon/reed-solomon', parityRate),
    },
  };
}

/** GB/s of data for 4+2 over 1 MiB, one call after the other. */
async function parityRate(peer: RonomonReedSolomon): Promise<number> {
  const [k, m, cell, calls] = [4, 2, 2 ** 18, 500];
  const context = peer.create(k, m);
  const data = randomBytes(k * cell);
  const parity = Buffer.alloc(m * cell);
  const [sources, targets] = [2 ** k - 1, (2 ** m - 1) * 2 ** k];
  const encode = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (error?: Error): void => (error ? reject(error) : resolve());
      peer.encode(context, sources, targets, data, 0, data.length, parity, 0, parity.length, end);
    });
  await encode();
  const started = performance.now();
  for (let i = 0; i < calls; i++) await encode();
  return (calls * data.length) / 1e6 / (performance.now() - started);
}
