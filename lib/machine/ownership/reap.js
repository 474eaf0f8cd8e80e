// @ts-check
/**
 * usage: node reap.js FOLDER
 *
 * Ends every process and removes every folder that the journal in FOLDER names, FOLDER itself last. Run by the watchdog when its
 * harness is gone, and by the start-up sweep for a harness whose watchdog is gone too. Takes less than 3 s; what cannot be ended
 * by then stays in the journal for the next sweep.
 */
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcesses, thisWorld } from './processes.js';

const allMs = 2_700;
/** A process that was between fork and exec when its harness died has its mark by then. */
const secondLookMs = 120;

const folder = process.argv[2] ?? '';
const token = /^opentdx-e2e-([0-9a-f]{16})$/.exec(basename(folder))?.[1];
if (token === undefined) throw new Error(`not the folder of a harness: "${folder}"`);
for (const signal of /** @type {const} */ (['SIGHUP', 'SIGINT', 'SIGTERM']))
  process.on(signal, () => undefined);

const entries = readJournal();
const begin = performance.now();
const remaining = () => Math.max(0, allMs - (performance.now() - begin));
const monitorPorts = entries.flatMap(({ monitorPort }) => monitorPort ?? []);
const roots = entries.flatMap(({ process }) => process ?? []);
const claim = { mark: `${token}.`, roots, monitorPorts };

// Numbers of processes mean nothing to another boot or another container.
if (entries[0]?.world === thisWorld()) {
  let left = await endProcesses(claim, { quitMs: 500, termMs: 500, killMs: 1_200 });
  if (left.length === 0) {
    await delay(secondLookMs);
    left = await endProcesses(claim, { quitMs: 0, termMs: 0, killMs: remaining() });
  }
  if (left.length > 0) process.exit(1);
}
for (const { folder: other } of entries) {
  // The journal is only as trustworthy as the folder that it lies in: nothing that is not named after this harness is removed.
  if (other !== undefined && basename(other) === `opentdx-e2e-${token}`) remove(other);
}
remove(folder);

/**
 * @typedef {{ world?: string, folder?: string, monitorPort?: number, process?: { pid: number, start: number } }} Entry
 * @returns {Entry[]}
 */
function readJournal() {
  try {
    const lines = readFileSync(join(folder, 'journal'), 'utf8').split('\n');
    // What follows the last newline was not written to its end, so what it announces was never begun.
    return lines.slice(0, -1).map((line) => JSON.parse(line));
  } catch {
    // Killed before the first entry: nothing was begun.
    return [];
  }
}

/** @param {string} path */
function remove(path) {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}
