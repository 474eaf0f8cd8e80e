import { expect, test } from '../../fixtures/index.js';
import { AcceleratorUnavailableError } from '../../lib/machine/accelerator/index.js';
import { defaultMachineOptions } from '../../lib/machine/options.js';

// What this host can do is not known here: whichever way it goes, the reason must be there and nothing may hang.
test('KVM that is forced is proven, or refused with the reason', async ({ environment, stack }) => {
  const forced = await stack.plan({ ...defaultMachineOptions, accel: 'kvm' }).then(
    ({ accelerator }) => accelerator,
    (error: unknown) => error,
  );
  const chosen = await stack.plan(defaultMachineOptions);
  let automatic = /^KVM: /;
  if (forced instanceof Error) {
    expect(forced).toBeInstanceOf(AcceleratorUnavailableError);
    expect(forced.message).toMatch(/KVM was asked for and cannot run a guest here: .{10}/);
    automatic = /^TCG, because KVM cannot run a guest here: .{10}/;
  } else expect(forced).toMatch(/^KVM: it ran a guest to its end/);
  expect(chosen.accelerator).toMatch(environment.accel === 'tcg' ? /^TCG, as asked for/ : automatic);
  expect(chosen.accelerator).not.toContain('\n');
});

test('the guest runs under the accelerator that was chosen', async ({ vm, guest }) => {
  const accel = vm.accelerator.startsWith('KVM') ? 'kvm' : 'tcg';
  const at = vm.machine.commandLine.indexOf('-accel');
  expect(vm.machine.commandLine[at + 1]).toMatch(new RegExp(`^${accel}`));
  const hypervisor = await guest.shell('dmesg | grep -o "Hypervisor detected: .*" || true');
  if (accel === 'kvm') expect(hypervisor.stdout).toContain('KVM');
  else expect(hypervisor.stdout).not.toContain('KVM');
});
