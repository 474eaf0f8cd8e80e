import { expect } from '../../../fixtures/index.js';
import { test } from '../../../fixtures/ept.js';
import { decodeEptp } from '../../../lib/paging/index.js';
import { halt } from '../../nested/support/code.js';
import { longModeGuest } from '../../nested/support/guest.js';
import { mappedWalk } from '../../nested/support/mapped-walk.js';

const frameMask = 0xffff_f000;

for (const { eptad, accessDirty, state } of [
  { eptad: 1, accessDirty: true, state: 'set' },
  { eptad: 0, accessDirty: false, state: 'clear' },
]) {
  test.describe(`eptad=${eptad}`, () => {
    test.use({ kvmParameters: `eptad=${eptad}` });

    test(`the EPT pointer that the processor has in the VMCS leads to KVM's table, with bit 6 ${state}`, async ({
      l2,
      ept,
      vmcs,
      bochs,
      memory,
    }) => {
      const guest = await longModeGuest(l2, []);
      await guest.load(halt);
      expect(await l2.run()).toEqual([{ exit: 'hlt' }]);
      const { root } = await ept();
      const address = await vmcs();
      // The layout of a VMCS is the processor's own. Of its fields only the EPT pointer leads to the EPT's top table; L1 has less than 4 GiB.
      const region = await bochs.paused(async () => {
        const { physicalAddress } = await mappedWalk(memory.memory, l2.space, address);
        return Buffer.from(await memory.memory.read(physicalAddress, 4096));
      });
      const words = Array.from({ length: 1024 }, (_, index) => region.readUInt32LE(4 * index));
      const pointers = words.filter((word) => (word & frameMask) >>> 0 === Number(root));
      expect(pointers.map((pointer) => decodeEptp(BigInt(pointer)))).toMatchObject([
        { root, accessDirty, memoryType: 'WB', walkLength: 4, problems: [] },
      ]);
    });
  });
}
