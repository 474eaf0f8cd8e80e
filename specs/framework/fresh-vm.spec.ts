import { expect, test } from '../../fixtures/index.js';
import type { Guest } from '../../lib/guest/command-shell.js';

test.describe('a test that dirties everything and one that finds a pristine guest, in both orders', () => {
  for (const turn of ['before', 'between', 'after']) {
    if (turn !== 'before') {
      test.describe(() => {
        test.use({ kernelReports: { allow: [{ kind: 'panic' }, { grade: 'fatal' }, { kind: 'taint' }] } });

        test(`dirties everything (${turn})`, async ({ guest, machine }) => {
          await guest.shell(
            'modprobe kernel_reports; rm -rf /usr/local/bin /etc/rc; touch /tmp/dirt; killall -9 init',
          );
          expect((await guest.run(['test', '-e', '/tmp/dirt'])).exitCode).toBe(0);
          const panic = machine.console;
          const dying = guest.shell('echo c > /proc/sysrq-trigger', { timeoutMs: 20_000 });
          // The kernel dies over it: no answer comes.
          await expect(dying).rejects.toThrow();
          await expect
            .poll(() => panic.tail.map(({ text }) => text).join('\n'), { timeout: 30_000 })
            .toContain('Kernel panic - not syncing');
        });
      });
    }
    test(`finds a pristine guest (${turn})`, async ({ guest }) => {
      expect((await guest.shell('ls /tmp')).stdout).toBe('');
      expect((await guest.shell('grep -c kernel_reports /proc/modules')).stdout).toBe('0\n');
      expect((await guest.run(['test', '-x', '/etc/rc'])).exitCode).toBe(0);
      expect((await guest.run(['test', '-x', '/usr/local/bin/vfio-map'])).exitCode).toBe(0);
      expect((await guest.shell('dmesg')).stdout).not.toMatch(/Kernel panic|sysrq/);
    });
  }
});

test('a restored guest runs what a booted one runs, and listens where that listens', async ({
  guest,
  launch,
}) => {
  const { guest: booted } = await launch({ coldBoot: true });
  const seen = async (shell: Guest): Promise<string[]> => {
    const { stdout } = await shell.shell(
      // What begins with `[` is a kernel thread; `sh -c`, `ps` and `grep` are these commands themselves.
      `ps -o args | grep -vE '^(\\[|COMMAND|sh -c|ps|grep|\\{)'; grep ' 0A ' /proc/net/tcp | awk '{ print $2 }'`,
    );
    return stdout.trim().split('\n').sort();
  };
  const ofBooted = await seen(booted);
  expect(ofBooted).toEqual(expect.arrayContaining([expect.stringMatching(/^dropbear /), '00000000:0016']));
  expect(await seen(guest)).toEqual(ofBooted);
});

test.describe('odd machines', () => {
  test.describe('memory and vCPUs', () => {
    test.use({ machineOptions: { memory: '640m', vcpus: 3 } });
    test('are as asked for', async ({ guest, vm }) => {
      expect(vm.start.how).toBe('restored');
      expect(Number(await guest.succeed(['nproc']))).toBe(3);
      const [, kilobytes = ''] =
        /MemTotal:\s+(\d+) kB/.exec(await guest.succeed(['cat', '/proc/meminfo'])) ?? [];
      expect(Number(kilobytes)).toBeGreaterThan(400 * 1024);
      expect(Number(kilobytes)).toBeLessThan(640 * 1024);
    });
  });

  test.describe('CPU', () => {
    test.use({ machineOptions: { accel: 'tcg', cpu: 'qemu64,-nx', vcpus: 1 } });
    test('is as asked for', async ({ guest }) => {
      const cpu = await guest.succeed(['cat', '/proc/cpuinfo']);
      expect(cpu).toContain('QEMU Virtual CPU');
      expect(/^flags.*$/m.exec(cpu)?.[0].split(/\s+/)).not.toContain('nx');
    });
  });

  test.describe('five levels of page tables', () => {
    test.use({ machineOptions: { accel: 'tcg', la57: true } });
    test('are on', async ({ guest, monitor }) => {
      expect(await guest.succeed(['cat', '/proc/cpuinfo'])).toMatch(/^flags.*\bla57\b/m);
      const cr4LinearAddresses57Bits = 1n << 12n;
      for (const { cr4 } of await monitor.infoRegisters())
        expect(cr4 & cr4LinearAddresses57Bits).toBe(cr4LinearAddresses57Bits);
    });
  });

  test.describe('kernel arguments', () => {
    test.use({ machineOptions: { kernelArguments: 'e2e.odd="a b" transparent_hugepage=never' } });
    test('arrive', async ({ guest }) => {
      expect(await guest.succeed(['cat', '/proc/cmdline'])).toContain(
        'e2e.odd="a b" transparent_hugepage=never',
      );
      expect(await guest.succeed(['cat', '/sys/kernel/mm/transparent_hugepage/enabled'])).toContain(
        '[never]',
      );
    });
  });

  test.describe('a cold boot', () => {
    test.use({ machineOptions: { coldBoot: true } });
    test('begins with the launcher', ({ vm, machine }) => {
      expect(vm.start.how).toBe('booted');
      expect(
        machine.console
          .recent(0)
          .map(({ text }) => text)
          .join('\n'),
      ).toContain('Linux version');
    });
  });
});

test('a test may have several machines, each its own', async ({ guest, launch }) => {
  const [second, third] = await Promise.all([launch(), launch({ memory: '640m', vcpus: 3 })]);
  await guest.succeed(['touch', '/tmp/first']);
  for (const vm of [second, third]) {
    expect((await vm.guest.run(['test', '-e', '/tmp/first'])).exitCode).toBe(1);
  }
  expect(Number(await third.guest.succeed(['nproc']))).toBe(3);
  const first = new Set([second.machine.pid, third.machine.pid]);
  expect(first.size).toBe(2);
});
