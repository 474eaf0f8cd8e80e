import { expect, test } from '../../fixtures/index.js';
import { _PAGE_USER, diffScans, mappedRanges, scan } from '../../lib/paging/index.js';
import { addressSpacePicture, diffPicture, registerPicture, walkPicture } from '../../lib/picture/index.js';

test('pictures of a real mapping: entry, walk, address space, and what the mapping changed', async ({
  vfio,
  machine,
  memory,
}) => {
  const process = await vfio.process();
  const buffer = await process.alloc({ pages: 16 });
  const scanUserHalf = () => machine.paused(() => scan(memory.memory, process.space, { range: 'user' }));
  const before = await scanUserHalf();
  const mapping = await vfio.mapDma({ pages: 16, buffer });
  const after = await scanUserHalf();
  const diff = diffScans(before, after);
  // The mapping's pages, and nothing else of the process.
  expect(diff.pages).toEqual({ mapped: 0, unmapped: 0, changed: 16 });
  expect(diff.changes.every(({ cleared, set }) => cleared === _PAGE_USER && set === 0n)).toBe(true);

  const walk = await mapping.walk(3);
  const old = before.find(walk.address);
  expect(walk.mapped).toBe(true);
  if (!walk.mapped || !old) return;
  const subtitle = mapping.toString();
  const pictures = {
    'entry.svg': registerPicture({
      title: `PTE of 0x${walk.address.toString(16)}`,
      subtitle,
      fields: walk.leaf.entry.fields,
      value: { label: 'before', raw: old.raw },
      other: { label: 'after', raw: walk.leaf.raw },
    }),
    'walk.svg': walkPicture({
      title: `Walk of 0x${walk.address.toString(16)}`,
      subtitle,
      walk,
      start: { label: 'CR3', value: walk.root },
      expected: { cleared: _PAGE_USER },
    }),
    'address-space.svg': addressSpacePicture({
      title: `Address space of process ${process.pid}`,
      subtitle: 'user half',
      ranges: mappedRanges(after),
      marks: [{ address: mapping.address, label: 'mapped for DMA' }],
    }),
    'changes.svg': diffPicture({ title: 'What the mapping changed', subtitle, diff }),
  };
  for (const [name, body] of Object.entries(pictures)) {
    expect(body).toMatch(/^<svg/);
    await test.info().attach(name, { body, contentType: 'image/svg+xml' });
  }
});
