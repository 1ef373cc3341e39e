// `npm test`: starts each step as soon as the steps it needs are done, so that both processors of a
// small machine are busy. What a step prints is shown whole when it ends; of a compile that
// succeeded only the warnings in our own files. A step that fails stops those that need it and no
// others.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const tool = (path) => [process.execPath, `node_modules/${path}`];
const script = (name) => [process.execPath, `scripts/${name}.mjs`];

// The longest first: it is what the others run beside.
const steps = [
  { name: 'tools', run: [...script('need'), 'test'], needs: [] },
  { name: 'vendor', run: script('vendor'), needs: ['tools'] },
  {
    name: 'native',
    run: [...script('addon'), '--tests'],
    needs: ['vendor'],
    show: /^(\.\.\/)?native\/.* warning: .*\n/gm,
  },
  { name: 'check', run: ['npm', 'run', '-s', 'check'], needs: ['vendor'] },
  {
    name: 'library',
    run: [...tool('typescript/bin/tsc'), '-p', 'tsconfig.json'],
    needs: ['tools'],
  },
  { name: 'floor', run: script('floor-check'), needs: ['native'] },
  { name: 'TypeScript tests', run: tool('ava/entrypoints/cli.mjs'), needs: ['native', 'library'] },
  { name: 'C++ tests', run: [...script('test-native'), 'plain'], needs: ['native'] },
];

const began = performance.now();
const ended = new Map();
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

function start(step) {
  const since = performance.now();
  return new Promise((resolve) => {
    const [command, ...args] = step.run;
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: cleanEnvironment(),
    });
    const output = [];
    child.stdout.on('data', (data) => output.push(data));
    child.stderr.on('data', (data) => output.push(data));
    child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (status, signal) => {
      const word = status === 0 ? 'ok  ' : 'FAIL';
      const why = signal ? `, ended by ${signal}` : '';
      const text = Buffer.concat(output).toString();
      const shown = status === 0 && step.show ? (text.match(step.show) ?? []).join('') : text;
      process.stdout.write(shown);
      console.log(`${word} ${step.name} (${seconds(since)}${why})`);
      ended.set(step, status === 0);
      resolve(step);
    });
  });
}

function isReady(step) {
  return step.needs.every((name) => ended.get(steps.find((each) => each.name === name)));
}

const waiting = new Set(steps);
const running = new Map();
for (;;) {
  for (const step of waiting) {
    if (!isReady(step)) continue;
    waiting.delete(step);
    running.set(step, start(step));
  }
  if (running.size === 0) break;
  running.delete(await Promise.race(running.values()));
}

for (const step of waiting) console.log(`not run: ${step.name}`);
const failed = [...ended].filter(([, passed]) => !passed).map(([step]) => step.name);
if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`);
console.log(`npm test took ${seconds(began)}`);
console.log(`steps: ${ended.size - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
