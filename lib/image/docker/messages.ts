import type { Progress } from '../progress.js';
import { engineRefused } from './errors.js';

/** One of the objects in which an engine tells how a build, a pull or an import goes on. */
interface EngineMessage {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly total?: number };
  readonly error?: string;
}

/**
 * Reads what an engine tells of a long work, one JSON object a line, to its end.
 *
 * @param doing what the engine does, for example `pull debian:bookworm-slim`
 * @throws ImageBuildError when the engine says that it failed, or breaks off
 */
export async function followEngine(
  stream: NodeJS.ReadableStream,
  doing: string,
  progress: Progress,
): Promise<void> {
  const log: string[] = [];
  let refused: string | undefined;
  let rest = '';
  const read = (line: string): void => {
    if (line.trim() === '') return;
    const message = JSON.parse(line) as EngineMessage;
    refused ??= message.error;
    for (const text of sayings(message)) {
      log.push(text);
      progress(text);
    }
  };
  try {
    for await (const chunk of stream) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(read);
    }
    read(rest);
  } catch (error) {
    throw engineRefused(doing, error, log.slice(-25));
  }
  if (refused !== undefined) throw engineRefused(doing, refused, log.slice(-25));
}

/** Lines for a person: the output of a build, the steps of a pull without their running figures. */
function sayings({ stream, status, id, progressDetail }: EngineMessage): string[] {
  if (stream !== undefined) return stream.split('\n').filter((line) => line.trim() !== '');
  if (status === undefined || progressDetail?.total !== undefined) return [];
  return [id === undefined ? status : `${id}: ${status}`];
}
