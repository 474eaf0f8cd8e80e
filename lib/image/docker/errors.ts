import { ImageBuildError } from '../errors.js';

/** No engine answers at any of the places where Docker's own tools look. */
export class NoEngineError extends ImageBuildError {
  override readonly name = 'NoEngineError';
}

/** There is an engine, but this user may not use it. */
export class EngineAccessError extends ImageBuildError {
  override readonly name = 'EngineAccessError';
}

/** The engine's disk is full. */
export class EngineSpaceError extends ImageBuildError {
  override readonly name = 'EngineSpaceError';
}

/** What the engine's client writes before the engine's own words, for example `(HTTP code 404) unexpected - `. */
const httpPrefix = /^\(HTTP code \d+\) [^-]*- /;

/**
 * What an engine refused, as one of this project's errors; one that is that already is left as it is.
 *
 * @param doing what was tried, for example `build the image of the build tools`
 */
export function engineRefused(doing: string, reason: unknown, log: readonly string[] = []): ImageBuildError {
  if (reason instanceof ImageBuildError) return reason;
  const words = (reason instanceof Error ? reason.message : String(reason)).replace(httpPrefix, '').trim();
  const options = { cause: reason };
  if (/no space left on device|disk quota exceeded/i.test(`${words}\n${log.join('\n')}`)) {
    return new EngineSpaceError(
      `The engine's disk is full: it could not ${doing}. 'docker system df' shows what fills it, 'docker system prune' frees what nothing uses.`,
      [words, ...log],
      options,
    );
  }
  return new ImageBuildError(`The engine could not ${doing}: ${words}`, log, options);
}
