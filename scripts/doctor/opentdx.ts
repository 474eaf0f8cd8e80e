import {
  inspectCheckout,
  type PartState,
  type Purpose,
  sudoProblem,
} from '../../lib/machine/checkout/index.js';
import { type Check, type Finding, missing, optional, ready } from './check.js';

/** What it means that a part is missing which L1 can be launched without. */
const without: Readonly<Record<Exclude<Purpose, 'l1'>, string>> = {
  td: 'only for specs about L2',
  symbols: 'addresses stay without names',
  tools: "the project's own are used",
};

/** Each part of the checkout that the harness or the launch script uses, in the order in which it is built, and sudo. */
export async function opentdxChecks(root: string | undefined): Promise<Check[]> {
  if (root === undefined || root === '') {
    return [
      {
        name: 'OPENTDX_ROOT',
        look: () =>
          Promise.resolve(missing('not set', 'Set OPENTDX_ROOT to the root of an open-tdx checkout.')),
      },
    ];
  }
  const states = await inspectCheckout(root);
  return [
    ...states.map((state): Check => ({ name: state.name, look: () => Promise.resolve(findingOf(state)) })),
    { name: 'sudo', look: sudoFinding },
  ];
}

function findingOf({ what, purpose, problem, remedy }: PartState): Finding {
  if (problem === undefined) return ready(what);
  return purpose === 'l1' ? missing(problem, remedy) : optional(`${problem}; ${without[purpose]}`, remedy);
}

/** The script runs its QEMU by sudo, root's too, which must not ask. */
async function sudoFinding(): Promise<Finding> {
  const found = await sudoProblem();
  return found ? missing(found.problem, found.remedy) : ready('it asks for no password');
}
