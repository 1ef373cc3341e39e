// Judges one lane's share of the states of a recording: each is written to an image, mounted by the
// kernel, which replays the file system's journal, opened by the store's own recovery, and compared
// with what the workload had been told. A line of JSON for each state.
//   node judge.mjs '{"recording","image","folder","size","zones","seed","rounds","lane","lanes",
//     "lie","most"}'
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from 'node:fs';
import { faultIn, planOf, randomOf } from './plan.mjs';
import { statesOf } from './recording.mjs';
import { openStore, readAll } from './store.mjs';

const given = JSON.parse(process.argv[2]);
const { recording, image, folder, size, zones, seed, rounds, lane, lanes, lie, most } = given;
const plan = planOf(seed, rounds);
mkdirSync(folder, { recursive: true });
const file = openSync(image, 'w+');
writeSync(file, Buffer.alloc(size), 0, size, 0);
const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();

try {
  const seen = new Set();
  const states = statesOf(readFileSync(recording), size, randomOf(seed), { lie });
  for (const { disk, marks } of states) {
    const state = `${disk.sum.toString(16)}/${marks.length}`;
    if (Number(disk.sum % BigInt(lanes)) !== lane || seen.has(state)) continue;
    if (seen.size === most) break;
    seen.add(state);
    console.log(JSON.stringify({ state, fault: await judge(disk, marks) }));
  }
} finally {
  execFileSync('losetup', ['--detach', device]);
  closeSync(file);
}

async function judge(disk, marks) {
  for (let at = 0; at < size; ) at += writeSync(file, disk.bytes, at, size - at, at);
  try {
    execFileSync('mount', ['-t', 'ext4', device, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    return `not mounted: ${error.stderr}`;
  }
  const fault = await faultAt(marks);
  try {
    execFileSync('umount', [folder], { stdio: 'pipe' });
    return fault;
  } catch (error) {
    // What is closed, or did not open, holds nothing open.
    const inUse = openFiles();
    execFileSync('umount', ['--lazy', folder]);
    return `${fault ?? ''} not unmounted: ${error.stderr}, open are ${inUse}`;
  }
}

async function faultAt(marks) {
  try {
    const store = await openStore(folder, zones, false);
    try {
      const ids = (letter) =>
        new Set(marks.filter((mark) => mark[0] === letter).map((mark) => Number(mark.slice(1))));
      return faultIn(plan, ids('B'), ids('A'), await readAll(store));
    } finally {
      await store.close();
    }
  } catch (error) {
    return `${error.code ?? error.name}: ${error.message}`;
  }
}

function openFiles() {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // That of the listing itself.
    }
  });
  return links.filter((path) => path.startsWith(folder));
}
