/**
 * `npm run doctor [-- --stack reference|opentdx] [--json]`: whether this host can run a stack, and if not, what to do in which order.
 * Changes nothing. Ends with 0 when the stack can run, with 1 when it cannot, with 2 for arguments that it does not know.
 */
import { readEnvironment } from '../fixtures/environment.js';
import { readCommandLine, refuse } from './command-line.js';
import { canRun, runChecks } from './doctor/check.js';
import { checksFor, type StackName, stackNames } from './doctor/stacks.js';
import { doctorText } from './doctor/text.js';
import { usages } from './usages.js';

process.exitCode = await main();

async function main(): Promise<number> {
  const wish = readArguments();
  const results = await runChecks(await checksFor(wish.stack, readEnvironment(process.env), process.env));
  const runs = canRun(results);
  console.log(
    wish.json
      ? JSON.stringify(
          {
            stack: wish.stack,
            canRun: runs,
            checks: results.map(({ name, finding }) => ({ name, ...finding })),
          },
          null,
          2,
        )
      : doctorText(wish.stack, results),
  );
  return runs ? 0 : 1;
}

function readArguments(): { stack: StackName; json: boolean } {
  const { values } = readCommandLine(usages.doctor, {
    options: { stack: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  // A checkout that is named is meant to be used.
  const wished = values.stack ?? (process.env.OPENTDX_ROOT ? 'opentdx' : 'reference');
  const stack = stackNames.find((name) => name === wished);
  return stack ? { stack, json: values.json } : refuse(usages.doctor, `No such stack: ${wished}`);
}
