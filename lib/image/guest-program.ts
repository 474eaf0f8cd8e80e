import { cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { UsageError } from '../errors.js';
import { cacheSubfolder } from '../host/cache-folder.js';
import { ensureBuilt } from '../host/ensure-built.js';
import type { BuildContext } from './build-context.js';
import { buildRootKey, openBuildRoot } from './build-root/index.js';
import { imageKey } from './image-key.js';
import { withPackages } from './packages-in-force.js';

const ours = path.resolve(import.meta.dirname, '../../images/program');

/** Lines of the compiler's that an error shows. */
const shownLines = 10;

/** Arguments: the source's folder and name, the program. Every access is made as it is written: -O0. The messages are for the spec's author. */
const compile =
  'cd "/in/source/$1" && gcc -O0 -g -static -pthread -D_GNU_SOURCE "$2" /in/program/*.c -o "/out/$3" -lm 2> /out/messages || true';

/**
 * A C program of a spec's as a static binary for any x86-64 Linux guest, from the cache or compiled now, in the root where everything is built.
 *
 * @param file absolute path of its source; the files that it includes with quotation marks lie beside it, or where they say
 * @returns the binary's path, which ends with the source's name without `.c`
 * @throws UsageError with the compiler's first lines
 */
export async function ensureGuestProgram(context: BuildContext, file: string): Promise<string> {
  const sources = await sourcesOf(file);
  const root = commonFolder(sources);
  const name = path.basename(file, '.c');
  return await withPackages(context, async ({ lock }) => {
    const places = sources.map((source) => path.relative(root, source));
    const key = await imageKey([ours, ...sources], [compile, ...places, buildRootKey(lock)]);
    const target = path.join(await cacheSubfolder(context.cache, 'programs'), key);
    await ensureBuilt({
      target,
      what: file,
      progress: context.progress,
      build: async (folder) => {
        const copies = await mkdtemp(path.join(context.workshop.folder, 'source-'));
        for (const [index, source] of sources.entries())
          await cp(source, path.join(copies, places[index] ?? ''));
        await using builder = await openBuildRoot(context, lock);
        const [place, base] = [path.dirname(path.relative(root, file)), path.basename(file)];
        await builder.run({
          what: file,
          command: ['sh', '-c', compile, 'sh', place, base, name],
          inputs: { '/in/source': copies, '/in/program': ours },
          out: folder,
        });
        const messages = path.join(folder, 'messages');
        if (!(await exists(path.join(folder, name)))) throw refused(file, await readFile(messages, 'utf8'));
        await rm(messages);
      },
    });
    return path.join(target, name);
  });
}

function refused(file: string, messages: string): UsageError {
  const lines = messages.trim().split('\n');
  const more = lines.length > shownLines ? [`… (${lines.length} lines in all)`] : [];
  return new UsageError([`${file} does not compile:`, ...lines.slice(0, shownLines), ...more].join('\n  '));
}

/** The file, and all that it includes with quotation marks and that is there: the compiler says what is missing. */
async function sourcesOf(file: string): Promise<string[]> {
  const found = new Set([file]);
  // What is added while a set is gone through is gone through too.
  for (const source of found) {
    const text = await readFile(source, 'utf8');
    for (const [, name = ''] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"/gm)) {
      const included = path.resolve(path.dirname(source), name);
      if (await exists(included)) found.add(included);
    }
  }
  return [...found];
}

function commonFolder(files: readonly string[]): string {
  let [folder] = files.map((file) => path.dirname(file));
  while (folder !== undefined && !files.every((file) => !path.relative(folder ?? '', file).startsWith('..')))
    folder = path.dirname(folder);
  return folder ?? '/';
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}
