import type { Guest } from '../command-shell.js';
import { enabledEvents, readGuestState } from './read.js';
import { compareStates, describeDifference, type Difference, type GuestState } from './state.js';

/** What a reset found and what it could not undo. */
export interface ResetReport {
  /** What the guest was left with; it is undone unless `problems` has it. */
  readonly found: readonly string[];
  /** Why the guest cannot be used as it was; none when it can. */
  readonly problems: readonly string[];
}

/** Lines `what argument [value]` on stdin, with tabs between. What fails is seen afterwards. */
const undo = `
tab=$(printf '\\t')
while IFS="$tab" read -r what argument value; do
  case $what in
  kill) kill -9 "$argument" ;;
  rmmod) rmmod "$argument" ;;
  modprobe) modprobe "$argument" ;;
  event) printf '%s\\n' "$argument" >> ${enabledEvents} ;;
  write) printf '%s\\n' "$value" > "$argument" ;;
  truncate) : > "$argument" ;;
  umount) umount "$argument" ;;
  rm) rm -rf "$argument" ;;
  esac < /dev/null 2> /dev/null
done
:`;

/** What is killed may take a moment to be gone, and what it held with it. */
const rounds = 4;

/**
 * Makes a guest what it was: ends what tests left running, removes their modules, mounts and files, restores settings. What cannot be
 * undone (a taint, another driver, a reboot) is a problem, and the guest is to be booted anew.
 */
export async function resetGuest(guest: Guest, was: GuestState): Promise<ResetReport> {
  await guest.endStrayProcesses?.();
  const first = compareStates(was, await readGuestState(guest));
  const found = describeDifference(first);
  let left = first;
  for (let round = 0; round < rounds && left.problems.length === 0; round += 1) {
    if (describeDifference(left).length === 0) break;
    await guest.shell(undo, { stdin: stepsFor(left), timeoutMs: 60_000 });
    left = compareStates(was, await readGuestState(guest));
  }
  return { found, problems: describeDifference(left) };
}

function stepsFor(difference: Difference): string {
  const { strays, addedModules, missingModules, settings, addedMounts, files } = difference;
  const { addedEvents, missingEvents } = difference;
  const steps: string[][] = [
    ...strays.map(({ pid }) => ['kill', String(pid)]),
    // Before the definition of a probe's event is removed: one that is enabled cannot be.
    ...addedEvents.map((event) => ['event', `!${event}`]),
    ...settings.map(([file, value]) => (value === '' ? ['truncate', file] : ['write', file, value])),
    ...missingEvents.map((event) => ['event', event]),
    ...addedMounts.map((mount) => ['umount', mount]),
    ...addedModules.map((name) => ['rmmod', name]),
    ...missingModules.map((name) => ['modprobe', name]),
    ...files.map((file) => ['rm', file]),
  ];
  return steps.map((step) => `${step.join('\t')}\n`).join('');
}
