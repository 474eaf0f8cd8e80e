import { describeExit } from '../ownership/exit.js';
import { launcherStarted, programAlive } from './boot-record.js';
import type { BootFacts } from './boot-facts.js';
import { causeIn } from './qemu-words.js';
import { seconds, type Stall } from './stalled-error.js';

/** Why a machine did not become ready, in one line that names the cause. */
export function bootVerdict(facts: BootFacts): string {
  const { details, stall } = facts;
  if (details?.panic !== undefined) {
    return `guest panicked: ${details.panic.replace(/^.*Kernel panic - not syncing:?\s*/, '').slice(0, 300)}`;
  }
  if (facts.exit) return verdictOfExit(facts);
  if (stall) return verdictOfStall(facts, stall);
  if (!facts.stages.some(({ name }) => name === launcherStarted))
    return `the launcher could not be started: ${facts.problem}`;
  if (details?.reason === 'deadline' && !alive(facts) && facts.monitorPort !== undefined) {
    return (
      `no QEMU monitor on 127.0.0.1:${facts.monitorPort} for ${seconds(details.elapsedMs)}: the launcher runs, but has opened none ` +
      "(debug port + 100; upstream's script has none, the fork's has)"
    );
  }
  if (facts.ssh !== undefined) return verdictOfSsh(facts, facts.ssh);
  if (details?.reason === 'deadline') {
    return `waited ${seconds(details.elapsedMs)} in vain for ${details.awaited.join(' and ')}; the guest was in ${placesOf(facts)}`;
  }
  return facts.problem.split('\n')[0] ?? facts.problem;
}

function verdictOfExit(facts: BootFacts): string {
  const exit = facts.exit ?? {};
  const isProgram =
    alive(facts) || facts.program === 'Bochs' || facts.stderr.some((line) => /^\S*qemu\S*: /.test(line));
  const cause = [...facts.host, causeIn(facts.stderr) ?? causeIn(facts.consoleTail)].find(
    (each) => each !== undefined,
  );
  if (!isProgram && exit.exitCode === 0) {
    return `launcher exited 0 without a VM: it is to stay in the foreground while its VM lives${cause === undefined ? '' : `; it said: ${cause}`}`;
  }
  const how =
    exit.exitCode === undefined
      ? `was ended by ${exit.signal ?? 'nobody knows what'}`
      : `exited ${exit.exitCode}`;
  return `${isProgram ? facts.program : 'launcher'} ${how}: ${cause ?? `it said nothing (${describeExit(exit)})`}`;
}

function verdictOfStall(facts: BootFacts, stall: Stall): string {
  switch (stall.kind) {
    case 'resets':
      return (
        `${kernelSpoke(facts) ? 'guest' : 'firmware'} resets in a loop: ${stall.resets} resets in ${seconds(stall.windowMs)}` +
        (stall.tripleFaults > 0 ? ', by triple fault' : '')
      );
    case 'reboots':
      return `guest reboots in a loop: its kernel started ${stall.starts} times in ${seconds(facts.elapsedMs)}`;
    case 'not running':
      return `QEMU has stopped the VM (${stall.state}) for ${seconds(stall.silentMs)}`;
    case 'stopped':
      break;
  }
  const standing = `stopped in ${placesOf(facts)} for ${seconds(stall.silentMs)}`;
  const reached = facts.stages.at(-1)?.name;
  if (facts.ssh !== undefined) return `${verdictOfSsh(facts, facts.ssh)}; kernel ${standing}`;
  const init = initThatRuns(facts);
  if (init !== undefined) return `init hangs: ${init} was started, and then kernel ${standing}`;
  if (!kernelSpoke(facts)) return `firmware ${standing}: nothing on the console, no kernel began`;
  return `kernel ${standing}${reached === undefined ? '' : `, after the stage '${reached}'`}`;
}

function verdictOfSsh({ stages, elapsedMs, details }: BootFacts, ssh: string): string {
  const from = stages.at(-1)?.atMs ?? elapsedMs - (details?.elapsedMs ?? 0);
  return `ssh ${ssh} since ${seconds(from)} after the launch (${seconds(elapsedMs - from)} ago)`;
}

function alive({ stages, program }: BootFacts): boolean {
  return stages.some(({ name }) => name === programAlive(program));
}

/** Something of the guest was on the console, or a stage beyond QEMU's own was reached. */
function kernelSpoke({ stages, program, consoleTail }: BootFacts): boolean {
  return (
    stages.some(({ name }) => name !== launcherStarted && name !== programAlive(program)) ||
    consoleTail.some((line) => /^\[ *\d+\.\d{6}\]/.test(line))
  );
}

/** What the kernel started as init, if it has, and init has not said anything of its own. */
function initThatRuns({ consoleTail }: BootFacts): string | undefined {
  for (const line of [...consoleTail].reverse()) {
    const match = /Run (\S+) as init process/.exec(line);
    if (match) return match[1];
  }
  return undefined;
}

/** The places of all vCPUs, each once; those that work before those that idle. */
function placesOf({ cpus }: BootFacts): string {
  if ('unknown' in cpus) return `an unknown place (${cpus.unknown})`;
  const order = [...cpus.value].sort((a, b) => Number(a.halted) - Number(b.halted));
  const places = new Set(order.map(({ place, halted }) => `${place}${halted ? ' (idle)' : ''}`));
  return [...places].slice(0, 3).join(', ') || 'no vCPU';
}
