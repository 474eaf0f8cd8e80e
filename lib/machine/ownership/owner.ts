import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { InfrastructureError } from '../../errors.js';
import { acquireLease } from '../../host/lease/index.js';
import { journalHead, type JournalHead } from './journal.js';
import { folderPrefix, ownerLease } from './names.js';
import { sweepLeftovers } from './sweep.js';
import { startWatchdog } from './watchdog.js';

/** One line of the journal: what the reaper has to know before it begins to exist. See reap.js. */
type JournalEntry =
  | JournalHead
  | { readonly folder: string }
  | { readonly monitorPort: number }
  | { readonly process: { readonly pid: number; readonly start: number }; readonly title: string };

/** This process as the owner of processes and folders. There is one; {@link theOwner} makes it when it is first needed. */
export class Owner {
  readonly token: string;
  readonly folder: string;
  /** What is not ended or removed yet. While there is any, the folder stays for the watchdog to see. */
  readonly #held = new Set<object>();
  readonly #parents = new Map<string, string>();
  #watched = false;
  #marks = 0;

  constructor(token: string) {
    this.token = token;
    this.folder = join(tmpdir(), folderPrefix + token);
    // The order leaves no window: the watchdog is there before the folder, the folder before anything in it.
    this.#startWatching();
    mkdirSync(this.folder, { mode: 0o700 });
    this.note(journalHead());
    this.#parents.set(tmpdir(), this.folder);
    process.once('exit', () => {
      // The folder that is gone tells the watchdog that nothing is left to do. Otherwise it ends what is left.
      if (this.#held.size === 0) this.#removeFolders();
    });
  }

  /** Writes to the journal, synchronously: what is announced is on record before it begins. */
  note(entry: JournalEntry): void {
    appendFileSync(join(this.folder, 'journal'), `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  }

  /** The value of the owner variable for the next process. */
  nextMark(): string {
    return `${this.token}.${++this.#marks}.`;
  }

  hold(thing: object): void {
    this.#held.add(thing);
  }

  letGo(thing: object): void {
    this.#held.delete(thing);
  }

  /** This owner's folder in a parent other than the system's temp folder, such as /dev/shm. */
  folderIn(parent: string): string {
    const known = this.#parents.get(parent);
    if (known !== undefined) return known;
    const folder = join(parent, folderPrefix + this.token);
    this.note({ folder });
    mkdirSync(folder, { mode: 0o700 });
    this.#parents.set(parent, folder);
    return folder;
  }

  /** Makes sure that there is a watchdog: somebody may have killed the one that was. */
  async watch(): Promise<void> {
    // The end of a watchdog that died before this call is seen by now: events that wait are handled before an immediate is.
    await setImmediate();
    this.#startWatching();
  }

  #startWatching(): void {
    if (this.#watched) return;
    this.#watched = true;
    startWatchdog(this.folder, () => {
      this.#watched = false;
    });
  }

  #removeFolders(): void {
    for (const folder of [...this.#parents.values()].reverse())
      rmSync(folder, { recursive: true, force: true });
  }
}

let owner: Promise<Owner> | undefined;

/** The owner that this process is. The first call starts its watchdog, and a sweep of what dead harnesses left. */
export function theOwner(): Promise<Owner> {
  return (owner ??= makeOwner());
}

async function makeOwner(): Promise<Owner> {
  const token = randomBytes(8).toString('hex');
  // Held until this process ends: a folder without it is a dead harness's.
  const lease = await acquireLease(ownerLease(token));
  if (!lease)
    throw new InfrastructureError(`The new owner's token ${token} is taken: random numbers repeat here.`);
  const made = new Owner(token);
  sweepLeftovers().catch((error: unknown) => {
    process.emitWarning(`What dead runs left could not be cleaned up: ${String(error)}`);
  });
  return made;
}
