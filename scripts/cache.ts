/**
 * npm run cache -- list     what is kept between runs (guests, kernels, snapshots, packages, …), with size and age
 * npm run cache -- prune    removes what nothing asks for any more; never what is in use, nor what is not this project's
 */
import { cacheFolder } from '../lib/host/cache-folder.js';
import type { Item } from './cache/item.js';
import { surveys } from './cache/survey.js';
import { readCommandLine, refuse } from './command-line.js';
import { usages } from './usages.js';

const { positionals } = readCommandLine(usages.cache, { allowPositionals: true });
const [command = '', ...more] = positionals;
if (more.length > 0) refuse(usages.cache, `One command, and not also: ${more.join(' ')}`);
if (command !== 'list' && command !== 'prune') refuse(usages.cache, `No such command: '${command}'`);

const cache = cacheFolder(process.env);
if (command === 'list') for (const survey of surveys) for (const item of await survey(cache)) show(item);
if (command === 'prune') await prune();

async function prune(): Promise<void> {
  let freed = 0;
  for (const survey of surveys) {
    for (const item of (await survey(cache)).filter(({ stale }) => stale !== undefined)) {
      if (!item.inUse && (await item.remove())) {
        freed += item.bytes;
        show(item, 'removed ');
      } else show(item, 'kept, in use: ');
    }
  }
  console.log(`${megabytes(freed)} MB freed in ${cache}`);
}

function show({ kind, path: file, bytes, used, stale, inUse }: Item, done = ''): void {
  const hours = used ? `${((Date.now() - used.getTime()) / 3_600_000).toFixed(1)} h` : 'unknown age';
  const state = `${inUse ? '  in use' : ''}${stale === undefined ? '' : `  (${stale})`}`;
  console.log(
    `${done}${kind.padEnd(12)}${megabytes(bytes).padStart(7)} MB ${hours.padStart(10)}  ${file}${state}`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
