// Threads of one process share a store: each opens the same path and meets the same engine.
//   npx tsx examples/worker-threads.ts [DIRECTORY]
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { open } from 'strongroom';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
const results = store.bucket('results');

// What a thread does. As text, so that this example is one file; yours is a file of its own.
const work = `
  const { workerData, parentPort } = require('node:worker_threads');
  import(workerData.strongroom).then(async ({ open }) => {
    const store = await open(workerData.directory);
    const { name } = workerData;
    let sum = 0;
    for (let i = 1; i <= 1000; i++) sum += i;
    await store.bucket('results').put(name, String(sum));
    // Closes this thread's handle; the engine goes on while another has one.
    await store.close();
    parentPort.postMessage(name);
  });
`;
const threads = ['a', 'b', 'c'].map((name) => {
  const workerData = { directory, name, strongroom: import.meta.resolve('strongroom') };
  return new Worker(work, { eval: true, workerData });
});
await Promise.all(threads.map((thread) => once(thread, 'exit')));

// Durable when the put resolved, and visible here at once.
for await (const { key } of results.list()) console.log(key, await results.file(key).text());
