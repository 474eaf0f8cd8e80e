import { writeFile } from 'node:fs/promises';

import { InfrastructureError } from '../../lib/errors.js';
import { _PAGE_USER, PagingError } from '../../lib/paging/index.js';
import { parseArguments, UsageError } from './arguments.js';
import { exitCodes, jsonReport, textReport, verdictOf } from './report.js';
import { usage } from './usage.js';
import { type Verification, verify } from './verify.js';

/** Runs the tool and sets the process's exit status. All that goes wrong is one line on stderr and status 1. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads the output may have enough of it (`| head`).
  process.stdout.on('error', () => undefined);
  try {
    process.exitCode = await run(argv);
  } catch (error) {
    process.exitCode = 1;
    console.error(`verify-pte: ${lineOf(error)}`);
  }
}

async function run(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  if (args === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  const verification = await verify(args);
  process.stdout.write(args.json ? jsonReport(verification) : textReport(verification));
  if (args.svg !== undefined) await writePicture(args.svg, verification);
  return exitCodes[verdictOf(verification.walk)];
}

async function writePicture(file: string, { walk, root, owner }: Verification): Promise<void> {
  // Loaded when it is wanted: every failure is to be told as soon as may be.
  const { walkPicture } = await import('../../lib/picture/index.js');
  const picture = walkPicture({
    title: `Walk of 0x${walk.address.toString(16)}`,
    subtitle: owner,
    walk,
    start: { label: 'CR3', value: root },
    expected: { cleared: _PAGE_USER },
  });
  try {
    await writeFile(file, picture);
  } catch (error) {
    throw new UsageError(
      `The picture cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    );
  }
}

function lineOf(error: unknown): string {
  const known =
    error instanceof UsageError || error instanceof InfrastructureError || error instanceof PagingError;
  const text = error instanceof Error ? error.message : String(error);
  return `${known ? '' : 'internal error, please report it: '}${text.replaceAll(/\s*\n\s*/g, ' ')}`;
}
