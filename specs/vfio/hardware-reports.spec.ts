import { test } from '../../fixtures/index.js';
import { forConsole, waitUntilReady } from '../../lib/machine/wait/index.js';
import { hex } from '../../lib/paging/index.js';

// What the hardware says, or QEMU in its place, and what the kernel makes of it.

/** Returns when the guest's kernel has said it. */
const hasSaid = (text: string): string[] => [
  'sh',
  '-c',
  'until dmesg | grep -q "$1"; do sleep 0.1; done',
  'sh',
  text,
];

test.describe('a machine check', () => {
  test.use({
    needs: ['@own-modules', '@mce'],
    kernelReports: {
      expect: [
        { kind: 'machine-check', title: /CPU 0: Machine Check Exception: 5 Bank 4: b200000000000000/ },
        { kind: 'panic', title: /Fatal local machine check/ },
      ],
      allow: [{ kind: 'taint' }, { kind: 'machine-check' }],
    },
  });

  test('mce: what the CPU could not correct is reported, and the panic after it', async ({
    guest,
    machine,
  }) => {
    await machine.monitor.command('mce 0 4 0xb200000000000000 0x5 0x0 0x0');
    const { title, console } = machine;
    await waitUntilReady(forConsole(/end Kernel panic/), { title, console, panic: false });
    await guest.close();
  });
});

test.describe('an error that the CPU corrected', () => {
  test.use({
    needs: ['@own-modules', '@mce'],
    kernelReports: {
      expect: [
        {
          kind: 'machine-check',
          grade: 'warning',
          title: /CPU 0: Machine Check: 0 Bank 4: 9c00000000000136/,
        },
        { kind: 'machine-check', grade: 'warning', title: /Machine check events logged/ },
      ],
    },
  });

  test('is reported as a warning', async ({ guest, machine }) => {
    const interval = '/sys/devices/system/machinecheck/machinecheck0/check_interval';
    // Whoever sets it clears what the CPU holds.
    await guest.succeed(['sh', '-c', `echo 1 > ${interval}`]);
    await machine.monitor.command('mce 0 4 0x9c00000000000136 0 0x4000 0');
    await guest.succeed(hasSaid('Machine Check: 0 Bank 4'));
  });
});

test.describe('a page that the memory lost', () => {
  test.use({
    needs: ['@own-modules', '@memory-failure'],
    kernelReports: {
      expect: [{ kind: 'memory-failure', title: /recovery action for .*: Recovered/, count: 1 }],
    },
  });

  test('is reported with what became of it', async ({ vfio, guest, verifyPte }) => {
    const process = await vfio.process();
    const { address } = await process.alloc({ pages: 1 });
    await process.request('touch', { address, access: 'write', value: 1n });
    const { physicalAddress } = await verifyPte.entry({ address, pid: process.pid });
    const file = '/sys/devices/system/memory/hard_offline_page';
    await guest.succeed(['sh', '-c', `echo ${hex(physicalAddress ?? 0n)} > ${file}`]);
  });
});

test.describe('PCI Express', () => {
  test.use({
    needs: ['@other-devices', '@aer'],
    machineOptions: { devices: ['pcie-root-port,id=root6,chassis=1,addr=06.0'] },
  });

  for (const [severity, status] of [
    ['Non-Fatal', '0x4000'],
    ['Fatal', '0x10'],
  ] as const) {
    test.describe(severity, () => {
      test.use({
        kernelReports: {
          expect: [
            {
              kind: 'pcie-error',
              grade: 'error',
              title: new RegExp(`00:06\\.0: AER: Uncorrected \\(${severity}\\) error`),
              text: /PCIe Bus Error: .*\n.*error status\/mask=/,
              count: 1,
            },
          ],
        },
      });

      test('an error that the port does not correct is one report', async ({ guest, machine }) => {
        await machine.monitor.command(`pcie_aer_inject_error root6 ${status}`);
        await guest.succeed(hasSaid('AER: device recovery'));
      });
    });
  }

  test.describe('corrected', () => {
    test.use({
      needs: ['@other-devices', '@aer', '@aer-inject'],
      kernelReports: {
        expect: [{ kind: 'pcie-error', grade: 'warning', title: /AER: Corrected error/, count: 1 }],
      },
    });

    // QEMU before 8.0 sends no message of a corrected error (pcie_aer_msg_alldev in hw/pci/pcie_aer.c); the kernel's own injection does.
    test('an error that the port corrected is a warning', async ({ guest }) => {
      await guest.succeed(['modprobe', 'aer_inject']);
      // Bus, device, function; errors not corrected; corrected; header (struct aer_error_inj).
      const request = [0, 6, 0, 0, 0, 0, 0, 0, 1, ...Array.from({ length: 19 }, () => 0)];
      const octal = request.map((byte) => `\\00${byte}`).join('');
      await guest.succeed(['sh', '-c', `printf '${octal}' > /dev/aer_inject`]);
      await guest.succeed(hasSaid('PCIe Bus Error: severity=Corrected'));
    });
  });
});
