import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from '@playwright/test';

import { BochsDebugger } from '../../../lib/bochs/debugger.js';
import { DebuggerError } from '../../../lib/bochs/index.js';

/** As much of Bochs's debugger as its client sees: it stands, runs at `c`, and stops at a signal. */
class FakeBochs {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly commands: string[] = [];
  interrupts = 0;
  /** Signals that it forgets before one stops it. */
  deafFor = 0;
  #running = false;
  #prompts = 0;

  constructor() {
    this.stdin.setEncoding('latin1').on('data', (text: string) => {
      for (const command of text.split('\n').slice(0, -1)) this.#take(command);
    });
  }

  /** Ends a reply. */
  prompt(text: string): void {
    this.#prompts += 1;
    this.stdout.write(`${text}<bochs:${this.#prompts}> `);
  }

  readonly interrupt = (): void => {
    this.interrupts += 1;
    if (!this.#running || this.interrupts <= this.deafFor) return;
    this.#running = false;
    this.prompt('Next at t=1\n');
  };

  async attach(silenceMs?: number): Promise<BochsDebugger> {
    const { stdin, stdout, interrupt } = this;
    const attached = BochsDebugger.attach({
      title: 'The machine',
      stdin,
      stdout,
      interrupt,
      ...(silenceMs === undefined ? {} : { silenceMs }),
    });
    this.prompt('Bochs x86 Emulator 2.7\n');
    return await attached;
  }

  #take(command: string): void {
    this.commands.push(command);
    if (command === 'c') this.#running = true;
    else if (command !== 'mute') this.prompt(`${command} is answered\n`);
  }
}

test('commands of a batch are sent at once and get their own replies', async () => {
  const bochs = new FakeBochs();
  const client = await bochs.attach();
  expect(await client.commands(['r', 'creg'])).toEqual(['r is answered\n', 'creg is answered\n']);
});

test('code inside a pause is told from code beside it and after it', async () => {
  const bochs = new FakeBochs();
  const client = await bochs.attach();
  await client.runState.cont();
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  let afterwards = Promise.resolve(true);
  const pause = client.runState.paused(async () => {
    expect(client.runState.pausedByCaller).toBe(true);
    await client.runState.paused(() => client.commands(['r']));
    expect(client.runState.pausedByCaller).toBe(true);
    await stopped;
    afterwards = turn()
      .then(() => turn())
      .then(() => client.runState.pausedByCaller);
  });
  await expect.poll(() => client.running).toBe(false);
  expect(client.runState.pausedByCaller).toBe(false);
  stop();
  await pause;
  // What was begun inside and goes on outside may ask the guest, which runs.
  expect(await afterwards).toBe(false);
});

test('a machine is stopped for a look and runs on after the last one that looks', async () => {
  const bochs = new FakeBochs();
  bochs.deafFor = 2;
  const client = await bochs.attach();
  await client.runState.cont();
  await expect(client.commands(['r'])).rejects.toThrow('a running machine takes no commands');
  await client.runState.paused(async () => {
    await client.runState.paused(() => client.commands(['r']));
    expect(client.running).toBe(false);
    expect(await client.commands(['creg'])).toEqual(['creg is answered\n']);
  });
  expect(client.running).toBe(true);
  await turn();
  // A signal that Bochs forgot was sent again.
  expect(bochs.interrupts).toBe(3);
  expect(bochs.commands).toEqual(['c', 'r', 'creg', 'c']);
});

test('a machine that was not started stays as it is', async () => {
  const bochs = new FakeBochs();
  const client = await bochs.attach();
  await client.runState.paused(() => client.commands(['r']));
  await turn();
  expect(bochs.commands).toEqual(['r']);
});

test('silence is an error, and a reply that is late is not taken for the next one', async () => {
  const bochs = new FakeBochs();
  const client = await bochs.attach(50);
  await expect(client.commands(['mute'])).rejects.toThrow(
    'said nothing for 50 ms, and "mute" is not answered',
  );
  bochs.prompt('late\n');
  expect(await client.commands(['r'])).toEqual(['r is answered\n']);
});

test('a reply may take as long as it likes while something comes', async () => {
  const bochs = new FakeBochs();
  const client = await bochs.attach(2_000);
  const asked = client.commands(['mute']);
  for (let line = 0; line < 25; line += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    bochs.stdout.write('line\n');
  }
  bochs.prompt('');
  expect(await asked).toEqual(['line\n'.repeat(25)]);
});

test('the end of Bochs ends every wait, with its last words', async () => {
  const bochs = new FakeBochs();
  const client = await bochs.attach();
  const asked = client.commands(['mute', 'mute']);
  bochs.stdout.end('PANIC: no CD');
  await expect(asked).rejects.toThrow(/Bochs ended\. .*PANIC: no CD/);
  await expect(client.commands(['r'])).rejects.toThrow(DebuggerError);
});
