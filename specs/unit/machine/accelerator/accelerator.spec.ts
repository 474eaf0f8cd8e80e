import { expect, test } from '@playwright/test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dir } from 'tmp-promise';
import { AcceleratorUnavailableError, chooseAccelerator } from '../../../../lib/machine/accelerator/index.js';
import { bootDisk, ranToItsEnd } from '../../../../lib/machine/accelerator/boot-sector.js';
import { proveAccelerator } from '../../../../lib/machine/accelerator/prove.js';
import { ProcessStartError } from '../../../../lib/machine/ownership/index.js';

const machine = { qemu: 'qemu-system-x86_64', machine: 'q35,kernel-irqchip=split', cpu: 'max' };
const patient = { wallMs: 30_000 };

test('the guest runs to its end under TCG, with a vIOMMU too', async () => {
  expect(await proveAccelerator('tcg', machine, patient)).toMatchObject({ ran: true });
  const withIommu = { ...machine, extraArguments: ['-device', 'intel-iommu,intremap=on,caching-mode=on'] };
  expect(await proveAccelerator('tcg', withIommu, patient)).toMatchObject({ ran: true });
});

test('a guest that hangs proves nothing, within the budget', async () => {
  // Stopped before its first instruction.
  expect(await proveAccelerator('tcg', { ...machine, extraArguments: ['-S'] }, { wallMs: 200 })).toEqual({
    ran: false,
    why: 'a guest of a few instructions did not finish within 0.2 s',
  });
});

test('what QEMU says when it gives up is the reason', async () => {
  expect(await proveAccelerator('tcg', { ...machine, cpu: 'bogus' }, patient)).toEqual({
    ran: false,
    why: "QEMU ended with exit code 1: unable to find CPU model 'bogus'",
  });
});

test('the boot sector is one, and its exit code is none of QEMU’s own', () => {
  const disk = bootDisk();
  expect([...disk.subarray(510, 512)]).toEqual([0x55, 0xaa]);
  expect(ranToItsEnd).toBe(99);
  // The last jump goes back to `cli`, the instruction two before it.
  expect([...disk.subarray(6, 10)]).toEqual([0xfa, 0xf4, 0xeb, 256 - 4]);
});

test.describe('with a QEMU that behaves as told', () => {
  /** `kvm` and `tcg` are shell code that runs where QEMU would run a guest; every such run is counted. */
  async function withQemu(
    kvm: string,
    use: (options: Parameters<typeof chooseAccelerator>[0], runs: () => string[]) => Promise<void>,
    tcg = 'exit 99',
  ): Promise<void> {
    const folder = await dir({ unsafeCleanup: true });
    const qemu = join(folder.path, 'qemu');
    const record = join(folder.path, 'runs');
    writeFileSync(record, '');
    const script = `#!/bin/sh
      [ "$1" = --version ] && { cat "${folder.path}/version"; exit; }
      echo "$*" >> "${record}"
      [ "$2" = tcg ] && { ${tcg}; }
      ${kvm}`;
    writeFileSync(qemu, script, { mode: 0o755 });
    writeFileSync(join(folder.path, 'version'), 'QEMU emulator version 7.2.22');
    try {
      await use(
        {
          ...machine,
          qemu,
          cpu: 'host',
          cacheFolder: join(folder.path, 'cache'),
          kvmDevice: '/dev/null',
        },
        () => readFileSync(record, 'utf8').split('\n').slice(0, -1),
      );
    } finally {
      await folder.cleanup();
    }
  }

  test('KVM that ran the guest is taken, and remembered for this machine, CPU and QEMU only', async () => {
    await withQemu('exit 99', async (options, runs) => {
      expect(await chooseAccelerator(options)).toEqual({
        accel: 'kvm',
        reason: 'KVM: it ran a guest to its end (-machine q35,kernel-irqchip=split -cpu host)',
        proof: 'now',
      });
      expect(runs()).toHaveLength(1);
      expect(runs()[0]).toMatch(/^-accel kvm -machine q35,kernel-irqchip=split -cpu host /);
      expect(await chooseAccelerator(options)).toMatchObject({ accel: 'kvm', proof: 'earlier' });
      expect(await chooseAccelerator({ ...options, forced: 'kvm' })).toMatchObject({
        accel: 'kvm',
        proof: 'earlier',
      });
      expect(runs()).toHaveLength(1);
      expect(await chooseAccelerator({ ...options, cpu: 'qemu64' })).toMatchObject({ proof: 'now' });
      expect(await chooseAccelerator({ ...options, machine: 'q35' })).toMatchObject({ proof: 'now' });
      expect(await chooseAccelerator({ ...options, extraArguments: ['-S'] })).toMatchObject({ proof: 'now' });
      writeFileSync(join(options.cacheFolder, '../version'), 'QEMU emulator version 8');
      expect(await chooseAccelerator(options)).toMatchObject({ proof: 'now' });
      expect(runs()).toHaveLength(5);
      expect(
        readdirSync(join(options.cacheFolder, 'accelerator')).filter((name) => name.includes('.')),
      ).toEqual([]);
    });
  });

  test('a failure is the reason for TCG, is not remembered, and ends a wish for KVM', async () => {
    await withQemu(
      'echo "qemu: error: failed to set MSR 0x10a" >&2; kill -ABRT $$',
      async (options, runs) => {
        const reason =
          'QEMU ended with signal SIGABRT: error: failed to set MSR 0x10a (-machine q35,kernel-irqchip=split -cpu host)';
        expect(await chooseAccelerator(options)).toEqual({
          accel: 'tcg',
          reason: `TCG, because KVM cannot run a guest here: ${reason}`,
          proof: 'none',
        });
        const forced = chooseAccelerator({ ...options, forced: 'kvm' });
        await expect(forced).rejects.toThrow(AcceleratorUnavailableError);
        await expect(forced).rejects.toThrow(reason);
        expect(runs()).toHaveLength(2);
      },
    );
  });

  test('a hang is the reason for TCG and is not remembered', async () => {
    await withQemu('exec sleep 1000', async (options, runs) => {
      for (let i = 1; i <= 2; i++) {
        const choice = await chooseAccelerator({ ...options, budgetMs: 1_000 });
        expect(choice).toMatchObject({ accel: 'tcg' });
        expect(choice.reason).toContain('did not finish within 1 s');
        expect(runs()).toHaveLength(i);
      }
    });
  });

  test('KVM that is many times slower than TCG, run after run, is no accelerator unless it is asked for', async () => {
    await withQemu('sleep 1.2; exit 99', async (options, runs) => {
      const choice = await chooseAccelerator(options);
      expect(choice.accel).toBe('tcg');
      expect(choice.reason).toMatch(/took \d+\.\d s under KVM and \d+\.\d s under TCG, at best/);
      expect(runs().map((run) => run.split(' ')[1])).toEqual(['kvm', 'tcg', 'kvm', 'tcg', 'kvm']);
      expect(await chooseAccelerator({ ...options, forced: 'kvm' })).toMatchObject({ accel: 'kvm' });
    });
  });

  test('a host whose files are cold at the first run does not accuse KVM', async () => {
    const cold = '[ -e "$0.warm" ] || { : > "$0.warm"; sleep 4; }; exit 99';
    await withQemu(cold, async (options) => {
      expect(await chooseAccelerator(options)).toMatchObject({
        accel: 'kvm',
        proof: 'now',
      });
    });
  });

  test('a host that is slow with TCG too does not accuse KVM', async () => {
    await withQemu(
      'sleep 1.5; exit 99',
      async (options) => {
        expect(await chooseAccelerator(options)).toMatchObject({ accel: 'kvm', proof: 'now' });
      },
      'sleep 1; exit 99',
    );
  });

  test('KVM that spins is refused by its CPU time, in whatever process it is spent', async () => {
    for (const spin of ['while :; do :; done', 'sh -c "while :; do :; done"; exit 0']) {
      await withQemu(spin, async (options) => {
        const { accel, reason } = await chooseAccelerator({ ...options, budgetMs: 600_000 });
        expect(accel).toBe('tcg');
        expect(reason).toContain('did not finish within 5 s of CPU time');
      });
    }
  });

  test('on a host so slow that TCG takes long, KVM has more CPU time than that', async () => {
    const work = `exec "${process.execPath}" -e 'while (process.cpuUsage().user < 5_600_000); process.exit(99)'`;
    await withQemu(
      work,
      async (options) => {
        const choice = await chooseAccelerator({ ...options, forced: 'kvm', budgetMs: 600_000 });
        expect(choice).toMatchObject({ accel: 'kvm', proof: 'now' });
      },
      'sleep 0.6; exit 99',
    );
  });

  test('where KVM is not to be had or not wanted, nothing is tried', async () => {
    await withQemu('exit 99', async (options, runs) => {
      const missing = await chooseAccelerator({ ...options, kvmDevice: '/nowhere/kvm' });
      expect(missing.reason).toBe('TCG, because KVM cannot run a guest here: there is no /nowhere/kvm');
      const unwanted = await chooseAccelerator({ ...options, forced: 'tcg' });
      expect(unwanted).toEqual({ accel: 'tcg', reason: 'TCG, as asked for', proof: 'none' });
      expect(runs()).toEqual([]);
    });
  });
});

test('a QEMU that is not there is said', async () => {
  await expect(proveAccelerator('tcg', { ...machine, qemu: '/nowhere/qemu' }, patient)).rejects.toThrow(
    ProcessStartError,
  );
});
