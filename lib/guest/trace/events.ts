import type { CommandShell } from '../command-shell.js';
import { readTrace } from './read-trace.js';

/** A tracepoint of the guest's kernel, such as `kvm/kvm_exit`, as its folder below `events` is called. */
export type Tracepoint = `${string}/${string}`;

/** A probe on a function of the guest's kernel: no module is needed, only kprobe events. */
export interface FunctionProbe {
  /** What its events are called. */
  readonly name: string;
  readonly function: string;
  /** Fetch arguments, such as `root=%si` (Documentation/trace/kprobetrace.rst). */
  readonly arguments?: string;
  /** Take the event when the function returns: then `$retval` is an argument too. */
  readonly atReturn?: boolean;
  /** Record the call stack with every event. */
  readonly stack?: boolean;
}

export interface TraceEvent {
  readonly name: string;
  /** What follows the name, as the kernel printed it. */
  readonly text: string;
  /** Functions from the inside out, where a stack was asked for. */
  readonly stack: readonly string[];
}

const tracing = '/sys/kernel/tracing';
const group = 'e2e';

/**
 * What the guest's kernel traced while `work` ran: tracepoints and function probes, of every process, in order.
 *
 * @throws GuestCommandError when the kernel has no such tracepoint or function
 */
export async function traced(
  guest: CommandShell,
  {
    tracepoints = [],
    probes = [],
  }: { readonly tracepoints?: readonly Tracepoint[]; readonly probes?: readonly FunctionProbe[] },
  work: () => Promise<unknown>,
): Promise<TraceEvent[]> {
  const events = [...tracepoints, ...probes.map(({ name }): Tracepoint => `${group}/${name}`)];
  const definitions = probes.map(
    ({ name, function: at, arguments: fetch, atReturn }) =>
      `${atReturn ? 'r' : 'p'}:${group}/${name} ${at} ${fetch ?? ''}`,
  );
  const stacks = probes.filter(({ stack }) => stack).map(({ name }) => name);
  const enabled = events.join(' ');
  await guest.succeed(['sh', '-ec', switchOn, 'sh', definitions.join('\n'), enabled, stacks.join(' ')]);
  let finished = false;
  try {
    await work();
    finished = true;
  } finally {
    await guest.succeed(['sh', '-ec', switchOff, 'sh', enabled]);
    if (!finished) await removeProbes(guest, probes);
  }
  // Removing a probe empties the trace.
  const text = await readTrace(guest, tracing);
  await removeProbes(guest, probes);
  return parseTrace(text);
}

/** $1: definitions of probes, $2: events, $3: probes whose stack is wanted. */
const switchOn = `cd ${tracing}; echo > trace
  [ -z "$1" ] || echo "$1" >> kprobe_events
  for event in $3; do echo stacktrace > events/${group}/$event/trigger; done
  for event in $2; do echo 1 > events/$event/enable; done
  echo 1 > tracing_on`;

/** $1: events. */
const switchOff = `cd ${tracing}; for event in $1; do echo 0 > events/$event/enable; done`;

/** $1: names of probes. A probe that has a trigger cannot be removed. */
const remove = `cd ${tracing}; for name in $1; do
    grep -q ^stacktrace events/${group}/$name/trigger && echo '!stacktrace' > events/${group}/$name/trigger
    echo "-:${group}/$name" >> kprobe_events
  done`;

async function removeProbes(guest: CommandShell, probes: readonly FunctionProbe[]): Promise<void> {
  if (probes.length === 0) return;
  await guest.succeed(['sh', '-c', remove, 'sh', probes.map(({ name }) => name).join(' ')]);
}

const eventLine = /^ *\S.*-\d+ +\[\d+\] +\S+ +[\d.]+: (\w+): ?(.*)$/;
const stackLine = /^ => (\w+(?:\.\w+)*)/;

/** Reads the text of tracefs's `trace`. Lines that are neither an event nor part of a stack are comments. */
export function parseTrace(text: string): TraceEvent[] {
  const events: { name: string; text: string; stack: string[] }[] = [];
  for (const line of text.split('\n')) {
    const [, name, rest] = eventLine.exec(line) ?? [];
    const frame = stackLine.exec(line)?.[1];
    if (name !== undefined && rest !== undefined) events.push({ name, text: rest, stack: [] });
    else if (frame !== undefined) events.at(-1)?.stack.push(frame);
  }
  return events;
}
