import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { InfrastructureError } from '../../errors.js';
import { ownCommand } from '../../text/index.js';
import { type CheckoutPart, checkoutParts, type Purpose, seamLoader } from './contract.js';
import { monitorRemedy, opensMonitor } from './launch-script.js';

/** A part of a checkout, as it was found. */
export interface PartState {
  /** As the contract has it, or what else was looked at. */
  readonly name: string;
  readonly what: string;
  readonly purpose: Purpose;
  /** Undefined when it is as it must be. */
  readonly problem: string | undefined;
  readonly remedy: string;
}

const rootName = 'OPENTDX_ROOT';

/** OPENTDX_ROOT does not name a checkout that can be launched. */
export class CheckoutError extends InfrastructureError {
  override readonly name = 'CheckoutError';
  readonly missing: readonly PartState[];

  constructor(root: string, missing: readonly PartState[]) {
    super(
      [
        missing.some(({ name }) => name === rootName)
          ? `OPENTDX_ROOT=${root} cannot be used:`
          : `OPENTDX_ROOT=${root}: ${missing.length === 1 ? 'one part' : `${missing.length} parts`} of the open-tdx checkout must be made first (remedies are to be run in it):`,
        ...missing.map((part) => `  ${describePart(part)}`),
        `\`${ownCommand('doctor', '--stack', 'opentdx')}\` looks again, at the host too.`,
      ].join('\n'),
    );
    this.missing = missing;
  }
}

/** `images/l1.img: L1's root disk is not there. Remedy: …` */
export function describePart({ name, problem, what, remedy }: PartState): string {
  return `${name}: ${problem ?? what}. Remedy: ${remedy}`;
}

/** Every part of a checkout, in the order in which a person would make them. Of what is no checkout, that alone. Changes nothing. */
export async function inspectCheckout(root: string): Promise<PartState[]> {
  const state = await rootState(root);
  if (state.problem !== undefined) return [state];
  const parts = await Promise.all(checkoutParts.map((part) => partState(root, part)));
  return [state, ...parts, await loaderState(root), await monitorState(root)];
}

/**
 * Sees that all is there for these purposes.
 *
 * @param monitorKnown where the monitor is, was said (E2E_MONITOR): the script need not show it
 * @returns the parts that other purposes lack
 * @throws CheckoutError naming each missing part, with the command that makes it
 */
export async function requireCheckout(
  root: string,
  purposes: readonly Purpose[],
  monitorKnown = false,
): Promise<PartState[]> {
  const lacking = (await inspectCheckout(root)).filter(
    ({ name, problem }) => problem !== undefined && !(monitorKnown && name === monitorPart),
  );
  const missing = lacking.filter(({ purpose }) => purposes.includes(purpose));
  if (missing.length > 0) throw new CheckoutError(root, missing);
  return lacking;
}

/** What no other project has at its root: a folder without any of it has no use for this one's commands. */
const marks = ['launch-opentdx.sh', 'common.sh', 'qemu-l0', 'linux-l1', 'seam-loader'];

/** The script hands the paths below its folder to `eval` without quotes: these survive that. */
const plainPath = /^[A-Za-z0-9_./+,:@%=-]+$/;

async function rootState(root: string): Promise<PartState> {
  const found = await readdir(root).catch(() => undefined);
  const state = { name: rootName, what: root, purpose: 'l1' as const };
  const remedy = 'Set OPENTDX_ROOT to the root of an open-tdx checkout.';
  if (!found) return { ...state, problem: `${root} is no folder, or not this user's to read`, remedy };
  if (!marks.some((mark) => found.includes(mark))) {
    const there = found.slice(0, 4).join(', ') || 'nothing';
    return {
      ...state,
      problem: `${root} is no open-tdx checkout: it has no ${marks.join(', ')}, but ${there}`,
      remedy,
    };
  }
  if (!plainPath.test(path.resolve(root))) {
    const problem = `${root} has a blank or another character that the launch script cannot cope with`;
    return { ...state, problem, remedy: 'Move the checkout to a path of letters, digits, . _ and -.' };
  }
  return { ...state, problem: undefined, remedy };
}

async function partState(root: string, part: CheckoutPart): Promise<PartState> {
  const { path: name, what, purpose, remedy } = part;
  return { name, what, purpose, remedy, problem: await problemOf(path.join(root, name), part) };
}

const modes = { read: constants.R_OK, run: constants.X_OK } as const;

async function problemOf(
  file: string,
  { what, kind, access: right }: CheckoutPart,
): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return `${what} is not there`;
  if (kind === 'folder') return found.isDirectory() ? undefined : `${what} is no folder`;
  if (!found.isFile()) return `${what} is no file`;
  if (found.size === 0) return `${what} is empty`;
  if (right === undefined) return undefined;
  return await access(file, modes[right]).then(
    () => undefined,
    () => `${what} is there, but this user may not ${right} it`,
  );
}

async function loaderState(root: string): Promise<PartState> {
  const { folder, file, what, remedy } = seamLoader;
  const files = await readdir(path.join(root, folder), { recursive: true }).catch(() => []);
  const found = files.some((each) => path.basename(each) === file);
  const problem = found ? undefined : `${what} (${folder}/…/${file}) is not there`;
  return { name: folder, what, purpose: 'l1', problem, remedy };
}

const monitorPart = 'monitor port';

async function monitorState(root: string): Promise<PartState> {
  const script = await readFile(path.join(root, 'launch-opentdx.sh'), 'utf8').catch(() => undefined);
  const problem =
    script === undefined || opensMonitor(script) !== 'not seen'
      ? undefined
      : 'launch-opentdx.sh opens no monitor port, as upstream (its monitor is on the console, behind Ctrl-A c)';
  return {
    name: monitorPart,
    what: 'the launch script opens one',
    purpose: 'l1',
    problem,
    remedy: monitorRemedy,
  };
}
