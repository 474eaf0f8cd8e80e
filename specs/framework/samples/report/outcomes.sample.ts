/**
 * Tests with known outcomes, for what checks the report; they are not run by themselves (see playwright.config.ts in this folder).
 */
import { expect, test } from '../../../../fixtures/index.js';
import { loadVfioDriver } from '../../../support/vfio-driver.js';

test('passes', async ({ guest, vfio, kernelLog, monitor }) => {
  await guest.shell('exit "$1"', {}, '3');
  await monitor.command('info version');
  const mapping = await vfio.mapDma({ pages: 4 });
  await mapping.walk(1);
  await expect(mapping.touch(2)).rejects.toMatchPageFault({ user: true });
  await expect(mapping).toHaveUserBitCleared();
  await expect(kernelLog).toReportClearing(mapping);
});

test('fails with the stock driver', async ({ vfio, guest }) => {
  await loadVfioDriver(guest, 'stock');
  const mapping = await vfio.mapDma({ pages: 4 });
  await expect(mapping).toHaveUserBitCleared();
});

test('fails in a guest that prints markup', async ({ guest }) => {
  const hostile = '<script>document.title="owned"</script><img src=x onerror=document.title="owned">';
  await guest.shell('printf "%s\\n" "$1" > /dev/kmsg; printf "%s\\n" "$1" > /dev/ttyS0', {}, hostile);
  await guest.shell(
    'printf "\\033[31mred \\033]0;title\\007 \\377\\376 invalid\\n" | tee /dev/kmsg > /dev/ttyS0',
  );
  await guest.shell('head -c 1000000 /dev/zero | tr "\\0" x > /dev/ttyS0; echo > /dev/ttyS0');
  const { stdout } = await guest.run(['printf', '%s', hostile]);
  expect(stdout).toBe('something else');
});

test('fails in a guest that hangs', async ({ machine, guest }) => {
  await machine.monitor.stop();
  await expect(guest.run(['true'], { timeoutMs: 1_000 })).resolves.toBeDefined();
});

test.describe('without an init', () => {
  test.use({ machineOptions: { kernelArguments: 'rdinit=/nowhere/init', coldBoot: true } });

  test('fails to boot', async ({ guest }) => {
    await guest.run(['true']);
  });
});

test.describe('with another try', () => {
  test.describe.configure({ retries: 1 });

  test('fails at length', () => {
    for (let sides = 3; sides < 11; sides += 1) expect.soft(sides, `a polygon\nof ${sides} sides`).toBe(2);
    const story = Array.from({ length: 60 }, (_, line) => `Line ${line + 1} of the story.`);
    throw new Error(story.join('\n'), {
      cause: new Error('This\nis\nwhy.', { cause: new TypeError('And this.') }),
    });
  });
});
