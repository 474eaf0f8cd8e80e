import { expect, test } from '@playwright/test';

import { RunState } from '../../../../lib/machine/run-state.js';

/** A machine that is only a switch, and says what it was told. */
class Switched {
  running = true;
  readonly told: string[] = [];
  readonly state = new RunState('The machine', {
    stop: (purpose) => {
      this.told.push(`stop: ${purpose}`);
      const ran = this.running;
      this.running = false;
      return Promise.resolve(ran);
    },
    cont: (purpose) => {
      this.told.push(`cont: ${purpose}`);
      this.running = true;
      return Promise.resolve();
    },
  });
}

/** A look that lasts until it is told to end. */
function heldLook(state: RunState): { begun: Promise<void>; end: () => void; over: Promise<void> } {
  let end = (): void => undefined;
  let begun!: Promise<void>;
  const over = new Promise<void>((resolve, reject) => {
    begun = new Promise((isOn) => {
      const held = state.paused(async () => {
        const until = new Promise<void>((told) => (end = told));
        isOn();
        await until;
      });
      held.then(resolve, reject);
    });
  });
  return {
    begun,
    end: () => {
      end();
    },
    over,
  };
}

test('looks that overlap share one stop, and the machine runs when the last one is over', async () => {
  const machine = new Switched();
  const [first, second] = [heldLook(machine.state), heldLook(machine.state)];
  await Promise.all([first.begun, second.begun]);
  first.end();
  await first.over;
  expect(machine.running, 'the second one still looks').toBe(false);
  second.end();
  await second.over;
  expect(machine.running).toBe(true);
  expect(machine.told).toEqual(['stop: look', 'cont: look']);
});

test('looks in a row, by two who do not wait for each other, let the machine run in between', async () => {
  const machine = new Switched();
  const first = heldLook(machine.state);
  await first.begun;
  const second = heldLook(machine.state);
  await second.begun;
  first.end();
  await first.over;
  const third = machine.state.paused(() => Promise.resolve(machine.told.length));
  second.end();
  expect(await third, 'stopped, let run and stopped again').toBe(3);
  expect(machine.told).toEqual(['stop: look', 'cont: look', 'stop: look', 'cont: look']);
});

test('a look inside of a look, also while somebody waits to stop the machine', async () => {
  const machine = new Switched();
  await machine.state.paused(async () => {
    const stopped = machine.state.stop();
    const lent = machine.state.betweenLooks('be lent', () => Promise.resolve(machine.running));
    lent.catch(() => undefined);
    await stopped;
    await machine.state.paused(() => {
      expect(machine.running).toBe(false);
      return Promise.resolve();
    });
  });
  expect(machine.running, 'it was stopped meanwhile, by somebody who wants it to stand').toBe(false);
});

test('a machine that stood before a look stands after it', async () => {
  const machine = new Switched();
  await machine.state.stop();
  await machine.state.paused(() => machine.state.paused(() => Promise.resolve()));
  expect(machine.running).toBe(false);
  expect(machine.told).toEqual(['stop: wish', 'stop: look']);
});

test('who lets the machine run during a look has it run after that', async () => {
  const machine = new Switched();
  await machine.state.stop();
  const look = heldLook(machine.state);
  await look.begun;
  await machine.state.cont();
  expect(machine.running).toBe(false);
  look.end();
  await look.over;
  expect(machine.running).toBe(true);
});

test('a look that fails lets the machine run on', async () => {
  const machine = new Switched();
  await expect(machine.state.paused(() => Promise.reject(new Error('no memory there')))).rejects.toThrow(
    'no memory there',
  );
  expect(machine.running).toBe(true);
});

test('who borrows the machine waits for looks, and looks wait for him', async () => {
  const machine = new Switched();
  const look = heldLook(machine.state);
  await look.begun;
  const order: string[] = [];
  let giveBack = (): void => undefined;
  const lent = machine.state.betweenLooks('be lent', async () => {
    order.push(`lent, ${machine.running ? 'running' : 'standing'}`);
    await new Promise<void>((resolve) => (giveBack = resolve));
    order.push('given back');
  });
  look.end();
  await look.over;
  await expect.poll(() => order).toEqual(['lent, running']);
  const next = machine.state.paused(() => Promise.resolve(order.push('looked')));
  // A person stops it by hand, and leaves it so.
  machine.running = false;
  giveBack();
  await Promise.all([lent, next]);
  expect(order).toEqual(['lent, running', 'given back', 'looked']);
  expect(machine.running).toBe(false);
});

test('code in a look that wants to borrow the machine would wait for itself, and is told so', async () => {
  const machine = new Switched();
  const nested = machine.state.paused(() =>
    machine.state.betweenLooks('let the VM run', () => Promise.resolve()),
  );
  await expect(nested).rejects.toThrow(
    'The machine: this code is in paused(), so that it cannot let the VM run: do so before paused() or after it.',
  );
  expect(machine.running).toBe(true);
});
