// @ts-check
/**
 * Finding and ending the processes that a harness owns. Plain JavaScript without imports from the project or from packages:
 * the watchdog's reaper runs it by itself, when the harness that knew how to run TypeScript is gone.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Every process that the harness starts has this variable, and hands it down to whatever it starts itself. */
export const ownerVariable = 'OPENTDX_E2E_OWNER';

const pollMs = 10;
/** `quit` is answered within some milliseconds by a monitor that is alive. */
const connectMs = 400;
const sudoMs = 800;

/** @typedef {import('./processes.js').ProcessInfo} ProcessInfo */
/** @typedef {import('./processes.js').Claim} Claim */

/**
 * Field numbers as in proc(5), /proc/PID/stat. The second field, the program's name, may hold spaces and parentheses.
 *
 * @param {number} pid
 * @returns {ProcessInfo | undefined}
 */
export function readProcess(pid) {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (/** @type {number} */ number) => fields[number - 3] ?? '';
  // A zombie has ended; that its parent has not asked how yet is no business of ours.
  if (field(3) === 'Z' || field(3) === 'X') return undefined;
  // utime, stime, and those of the children that it has waited for.
  const cpuTicks = [14, 15, 16, 17].reduce((sum, number) => sum + Number(field(number)), 0);
  return { pid, parent: Number(field(4)), session: Number(field(6)), start: Number(field(22)), cpuTicks };
}

/** Within which process numbers mean something: this boot, this PID namespace. */
export function thisWorld() {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
}

/**
 * CPU time that the living members of a session have used, guest code under KVM included: what a busy host does not lengthen.
 *
 * @param {number} session
 */
export function cpuMsOfSession(session) {
  // USER_HZ, the unit of /proc/PID/stat, is 100 on x86 whatever the kernel's own tick (include/asm-generic/param.h).
  const msPerTick = 10;
  const members = listProcesses().filter((info) => info.session === session);
  return members.reduce((sum, { cpuTicks }) => sum + cpuTicks * msPerTick, 0);
}

/**
 * A process that has ended and whose number was given to another one is not alive.
 *
 * @param {{ pid: number, start: number }} process
 */
export function isAlive({ pid, start }) {
  return readProcess(pid)?.start === start;
}

/**
 * All living processes that the claim covers: those with its mark in their environment; its roots (by number and start time);
 * the members of the session that a living root leads; and the descendants of all these, such as what sudo started, whose environment is
 * neither readable nor inherited. Where the root of a session has ended but processes of it remain, one that has a claimed
 * monitor's port on its command line is covered too.
 *
 * @param {Claim} claim
 * @returns {ProcessInfo[]}
 */
export function findOwned({ mark, roots, monitorPorts }) {
  const all = listProcesses();
  const byPid = new Map(all.map((info) => [info.pid, info]));
  const livingRoots = roots.filter(({ pid, start }) => byPid.get(pid)?.start === start);
  const rootPids = new Set(livingRoots.map(({ pid }) => pid));
  const orphanedSessions = new Set(roots.map(({ pid }) => pid).filter((pid) => !byPid.has(pid)));
  const oldest = Math.min(...roots.map(({ start }) => start));
  const owned = new Set(
    all.filter(
      (info) =>
        rootPids.has(info.pid) ||
        rootPids.has(info.session) ||
        hasMark(info.pid, mark) ||
        (orphanedSessions.has(info.session) &&
          info.start >= oldest &&
          portsOf(info.pid, monitorPorts).length > 0),
    ),
  );
  for (const info of owned) {
    // A set's iteration reaches what is added on the way, so this finds children's children too.
    for (const other of all) if (other.parent === info.pid) owned.add(other);
  }
  return [...owned].filter(({ pid }) => pid !== process.pid);
}

/**
 * Ends all that the claim covers, and what that starts meanwhile: `quit` to the monitors of what this user may not signal,
 * SIGTERM, SIGKILL, each step only for what the one before it left. Answers what is still alive at the end.
 *
 * @param {Claim} claim
 * @param {{ quitMs: number, termMs: number, killMs: number }} budgets
 * @returns {Promise<ProcessInfo[]>}
 */
export async function endProcesses(claim, { quitMs, termMs, killMs }) {
  /** @type {ProcessInfo[]} */
  let known = [];
  const find = () => {
    // What was once found stays claimed: with the end of its parent there may be nothing else left that tells whose it is.
    known = findOwned({ ...claim, roots: [...claim.roots, ...known] });
    return known;
  };
  const monitors = find()
    .filter(isUntouchable)
    .flatMap(({ pid }) => portsOf(pid, claim.monitorPorts));
  if (monitors.length > 0) {
    await Promise.all([...new Set(monitors)].map(sendQuit));
    await untilGone(known, quitMs);
  }
  if (find().length > 0) {
    await signalAll(known, 'SIGTERM');
    await untilGone(known, termMs);
  }
  const deadline = performance.now() + killMs;
  while (find().length > 0 && performance.now() < deadline) {
    await signalAll(known, 'SIGKILL');
    await untilGone(known, 100);
  }
  return known;
}

/** @returns {ProcessInfo[]} */
function listProcesses() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/**
 * @param {number} pid
 * @param {string} mark
 */
function hasMark(pid, mark) {
  const environment = readOrNothing(`/proc/${pid}/environ`);
  return environment !== undefined && `\0${environment}`.includes(`\0${ownerVariable}=${mark}`);
}

/**
 * The monitor ports that stand on a process's command line, which everybody may read, root's processes included. A port alone
 * would be no identity: somebody else may listen there by now.
 *
 * @param {number} pid
 * @param {readonly number[]} ports
 */
function portsOf(pid, ports) {
  if (ports.length === 0) return [];
  const words = readOrNothing(`/proc/${pid}/cmdline`) ?? '';
  return ports.filter((port) => new RegExp(`:${port}(?!\\d)`).test(words));
}

/** @param {number} port */
async function sendQuit(port) {
  await new Promise((resolve) => {
    const connection = createConnection({ host: '127.0.0.1', port });
    connection.setTimeout(connectMs, () => connection.destroy());
    // Whether it worked is seen by the process's end.
    connection.on('error', () => connection.destroy());
    connection.on('close', resolve);
    connection.on('connect', () => connection.write('quit\n'));
    connection.resume();
  });
}

/**
 * @param {readonly ProcessInfo[]} processes
 * @param {number} budgetMs
 */
async function untilGone(processes, budgetMs) {
  const deadline = performance.now() + budgetMs;
  let left = processes.filter(isAlive);
  while (left.length > 0 && performance.now() < deadline) {
    await delay(pollMs);
    left = left.filter(isAlive);
  }
}

/**
 * @param {readonly ProcessInfo[]} processes
 * @param {NodeJS.Signals} signal
 */
async function signalAll(processes, signal) {
  const others = processes.filter((info) => isAlive(info) && !kill(info.pid, signal));
  if (others.length === 0) return;
  // Without a password-less sudo they cannot be ended by anyone but their owner: the caller is told.
  await new Promise((resolve) => {
    const args = ['-n', 'kill', '-s', signal.slice(3), '--', ...others.map(({ pid }) => String(pid))];
    execFile('sudo', args, { timeout: sudoMs }, resolve);
  });
}

/**
 * Root's, under sudo.
 *
 * @param {ProcessInfo} process
 */
function isUntouchable({ pid }) {
  return !kill(pid, 0);
}

/**
 * False if this user may not.
 *
 * @param {number} pid
 * @param {NodeJS.Signals | 0} signal
 */
function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM';
  }
  return true;
}

/**
 * Processes come and go while they are looked at, and some belong to other users.
 *
 * @param {string} path
 */
function readOrNothing(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
