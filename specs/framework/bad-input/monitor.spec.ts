import { expect, test } from '../../../fixtures/index.js';
import { connectMonitor, type MonitorError } from '../../../lib/monitor/index.js';

async function connectFailure(port: number): Promise<MonitorError> {
  return await connectMonitor({ port }).then(
    async (monitor) => {
      await monitor.close();
      throw new Error('a second monitor was connected, though it should have been refused');
    },
    (error: unknown) => error as MonitorError,
  );
}

test('a port at which nothing listens, the gdb stub of a machine without one', async ({ machine }) => {
  const error = await connectFailure(machine.ports.debug);
  expect(error).toMatchObject({ name: 'MonitorConnectError', code: 'ECONNREFUSED' });
  expect(error.message).toMatch(/Is the VM running\? Its monitor is at debug port \+ 100/);
});

test('a monitor that another client has', async ({ machine }) => {
  const error = await connectFailure(machine.ports.monitor);
  expect(error).toMatchObject({ name: 'MonitorBusyError' });
  expect(error.message).toMatch(/busy with another client.*one monitor client at a time; end the other one/);
  // The first client was not disturbed.
  expect((await machine.monitor.infoStatus()).running).toBe(true);
});

test('the port of another service, ssh', async ({ machine }) => {
  const error = await connectFailure(machine.ports.ssh);
  expect(error).toMatchObject({ name: 'MonitorGreetingError' });
  expect(error.message).toMatch(
    /is not a QEMU monitor: it says "SSH-2\.0.*The monitor is at debug port \+ 100/,
  );
});
