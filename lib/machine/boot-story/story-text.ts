import { type BootStage, launcherStarted } from './boot-record.js';
import type { BootFacts } from './boot-facts.js';
import { seconds } from './stalled-error.js';

/** A line in an error message; the whole is an artifact of its own. */
const shownLines = 20;

/** A failed boot as its own story: how far it came and how long each stage took, what was awaited, where it stood, its last words. */
export function bootStory(facts: BootFacts, verdict: string, consoleLines = shownLines): string {
  const { title, details, cpus, status, host, stderr, consoleTail } = facts;
  const tail = consoleTail.slice(-consoleLines);
  const messages = stderr.filter((line) => !consoleTail.includes(line));
  return [
    `${title} did not become ready: ${verdict}.`,
    '',
    'Stage               reached at    lasted',
    ...stageLines(facts.stages, facts.elapsedMs),
    ...(details === undefined ? [] : [`Awaited: ${details.awaited.join(' and ')}.`]),
    ...(details?.lastSeen === undefined ? [] : [`Last seen: ${details.lastSeen}`]),
    'value' in status ? `VM status: ${status.value.state}.` : `VM status: ${status.unknown}.`,
    ...('value' in cpus
      ? cpus.value.map(
          ({ cpu, place, halted }) =>
            `vCPU ${cpu}: ${place}${halted ? ' (halted, waits for an interrupt)' : ''}`,
        )
      : [`vCPUs: ${cpus.unknown}.`]),
    ...host.map((line) => `Host: ${line}`),
    ...(messages.length === 0
      ? []
      : ['', `${facts.program} and launcher said:`, ...messages.slice(-shownLines).map(quoted)]),
    '',
    ...(tail.length === 0
      ? ['The console printed nothing.']
      : [`Console, last ${tail.length} lines:`, ...tail.map(quoted)]),
    ...(details?.logFile === undefined ? [] : [`Full console log: ${details.logFile}`]),
  ].join('\n');
}

function stageLines(stages: readonly BootStage[], elapsedMs: number): string[] {
  const all = [...stages];
  if (all.length === 0) return [`  (not even '${launcherStarted}' was reached)`];
  return all.map(({ name, atMs }, index) => {
    const next = all[index + 1];
    const lasted = seconds((next?.atMs ?? elapsedMs) - atMs);
    return `  ${name.padEnd(18)}${seconds(atMs).padStart(9)}${lasted.padStart(10)}${next ? '' : '  <- ended here'}`;
  });
}

function quoted(line: string): string {
  return `  | ${line}`;
}
