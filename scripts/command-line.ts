import { parseArgs, type ParseArgsConfig } from 'node:util';

/**
 * What a script was called with. `--help` prints the usage and ends the process with 0; what the script does not know is told in one
 * line, with the usage, and ends it with 2.
 */
export function readCommandLine<T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    return refuse(usage, error instanceof Error ? error.message : String(error));
  }
}

/** Ends the process with 2 after a line about what is wrong, and the usage. */
export function refuse(usage: string, problem: string): never {
  console.error(`${problem}\n${usage}`);
  process.exit(2);
}
