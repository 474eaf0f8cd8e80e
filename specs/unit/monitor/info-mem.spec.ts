import { expect, test } from '@playwright/test';
import { connectMonitor } from '../../../lib/monitor/index.js';
import { FakeMonitor } from './fake-monitor.js';
import { recorded } from './recorded.js';

test('info mem is not asked of a vCPU with five levels of tables', async () => {
  for (const [registers, asked] of [
    ['registers-la57', false],
    ['registers-linux', true],
  ] as const) {
    await using fake = await FakeMonitor.start({
      answer: (command) => (/^info registers( -a)?$/.test(command) ? recorded(registers) : ''),
    });
    await using monitor = await connectMonitor({ port: fake.port });
    for (const ask of [
      () => monitor.infoMem(),
      () => monitor.command('info mem'),
      () => monitor.commands(['info status', ' info  mem ']),
      () => monitor.commands(['cpu 0', 'info mem']),
    ]) {
      if (asked) await ask();
      else await expect(ask()).rejects.toThrow(/five levels of page tables \(CR4\.LA57\).*was not asked/);
    }
    expect(fake.commands.filter((command) => /info +mem/.test(command))).toHaveLength(asked ? 4 : 0);
  }
});

test('info mem is not asked of a vCPU with five levels that is selected on the way', async () => {
  const [four, five] = [recorded('registers-linux'), recorded('registers-la57')];
  const both = `${four}${five.replaceAll(/CPU#(\d)/g, (_, cpu: string) => `CPU#${Number(cpu) + 2}`)}`;
  await using fake = await FakeMonitor.start({
    answer: (command) => ({ 'info registers': four, 'info registers -a': both })[command] ?? '',
  });
  await using monitor = await connectMonitor({ port: fake.port });
  await expect(monitor.commands(['cpu 2', 'info mem'])).rejects.toThrow(/CR4\.LA57.*was not asked/);
  expect(fake.commands).not.toContain('info mem');
});
