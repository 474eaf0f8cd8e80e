import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { UsageError } from '../errors.js';
import { isBuilt } from '../host/ensure-built.js';
import type { BuildContext } from './build-context.js';
import { buildInRoot, images } from './program.js';

const ours = path.join(images, 'program');

/** Lines of the compiler's that an error shows. */
const shownLines = 10;

/** Arguments: the source's folder and name, the program's name. Every access is made as it is written: -O0. The messages are for the author. */
const compile =
  'cd "/in/source$1" && gcc -O0 -g -static -pthread -D_GNU_SOURCE "$2" /in/program/*.c -o "/out/$3" -lm 2> /out/messages || true';

/**
 * A C program of a spec's as a static binary for any x86-64 Linux guest, from the cache or compiled now, in the root where everything is built.
 *
 * @param file absolute path of its source; the files that it includes with quotation marks lie beside it, or where they say
 * @returns the binary's path, which ends with the source's name without `.c`
 * @throws UsageError with the compiler's first lines
 */
export async function ensureGuestProgram(context: BuildContext, file: string): Promise<string> {
  const sources = await sourcesOf(file);
  const { dir, base, name } = path.parse(file);
  const all = [ours, ...sources];
  const others = [compile, ...sources.map((source) => path.relative(dir, source))];
  const target = await buildInRoot(context, 'programs', file, all, others, async (root, out) => {
    const copies = await mkdtemp(path.join(context.workshop.folder, 'source-'));
    for (const source of sources) await cp(source, path.join(copies, source));
    const inputs = { '/in/source': copies, '/in/program': ours };
    await root.run({ what: file, command: ['sh', '-c', compile, 'sh', dir, base, name], inputs, out });
    const messages = path.join(out, 'messages');
    if (!(await isBuilt(path.join(out, name)))) throw refused(file, await readFile(messages, 'utf8'));
    await rm(messages);
  });
  return path.join(target, name);
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
      if (await isBuilt(included)) found.add(included);
    }
  }
  return [...found];
}
