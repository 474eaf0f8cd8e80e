import { expect, test } from '../../../fixtures/index.js';
import { injectFault } from '../../../lib/guest/vfio/fault.js';

// Faults are given to the project's own driver.
test.use({ needs: ['@reference-driver'], recordMappings: true });

for (const fault of ['blink', 'blink-short', 'reset-later']) {
  test(`the checks of a recorded mapping name the function that gave its pages back: ${fault}`, async ({
    vfio,
    guest,
    kernelLog,
  }) => {
    await injectFault(guest, fault);
    const mapping = await vfio.mapDma({ pages: 4 });
    await guest.succeed(['sleep', '1']);
    const accusation =
      /^page 0 became open to user mode again \d+ ms after the map returned: e2e_change_bit\+0x[0-9a-f]+ \[vfio_iommu_type1\] in kworker\/\S+ \(pid \d+\), vCPU \d\n +called by e2e_reset_work\+/;
    await expect(expect(mapping).toBeTakenFromUserMode(kernelLog)).rejects.toThrow(accusation);
    await expect(expect(mapping).toStayTakenFromUserMode('time passed')).rejects.toThrow(accusation);
  });
}
