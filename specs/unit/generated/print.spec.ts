import path from 'node:path';

import { expect, test } from '@playwright/test';
import ts from 'typescript';

import { drawSequence } from '../../support/generated/draw.js';
import { Planner } from '../../support/generated/plan.js';
import { type Check, printSpec } from '../../support/generated/print.js';
import type { Step } from '../../support/generated/steps.js';

const taken = (mapping: string): Check => ({
  before: [],
  after: [`await expect(${mapping}).toBeTakenFromUserMode(kernelLog);`],
});
const root = path.resolve(import.meta.dirname, '../../..');

test('a sequence is printed as a spec that anybody might have written', async () => {
  const alloc = { do: 'alloc', process: 'parent', kind: 'anonymous', filled: false } as const;
  const map = { do: 'map', process: 'parent', thread: false, first: 0, write: true } as const;
  const steps: Step[] = [
    { ...alloc, buffer: 'buffer7', pages: 8 },
    { ...alloc, buffer: 'buffer9', kind: 'split', pages: 511, filled: true },
    { ...map, mapping: 'mapping10', buffer: 'buffer7', pages: 8, iova: undefined },
    { do: 'fork', child: 'child2' },
    {
      ...map,
      mapping: 'mapping12',
      process: 'child2',
      buffer: 'buffer9',
      first: 1,
      pages: 2,
      iova: 0x40000000n,
    },
    {
      ...map,
      mapping: 'mapping14',
      thread: true,
      write: false,
      buffer: 'buffer7',
      first: 7,
      pages: 1,
      iova: undefined,
    },
  ];
  expect(await printSpec(steps, taken('mapping12'), 'generated from seed 3')).toBe(
    `import { expect, test } from '../../fixtures/index.js';

test('generated from seed 3', async ({ vfio, kernelLog }) => {
  const parent = await vfio.process();
  const buffer1 = await parent.alloc({ pages: 8 });
  const buffer2 = await parent.alloc({ pages: 512, kind: 'thp' });
  await parent.request('free', { address: buffer2.address + 511n * 4096n, size: 4096n });
  await parent.request('fill', { address: buffer2.address, size: 511n * 4096n, value: 9437184n });
  await parent.mapDma({ pages: 8, buffer: buffer1 });
  const child1 = await parent.fork();
  const mapping1 = await child1.mapDma({
    pages: 2,
    buffer: { address: buffer2.address + 4096n, size: 2n * 4096n },
    iova: 0x40000000n,
  });
  await parent.mapDma({
    pages: 1,
    buffer: { address: buffer1.address + 7n * 4096n, size: 4096n },
    write: false,
    thread: true,
  });
  await expect(mapping1).toBeTakenFromUserMode(kernelLog);
});
`,
  );
});

test('what a check has to know from before the last step stands there, and what it uses is imported', async () => {
  const steps: Step[] = [
    { do: 'alloc', buffer: 'buffer1', process: 'parent', kind: 'hugetlb', pages: 512, filled: false },
    {
      ...{ do: 'map', mapping: 'mapping2', process: 'parent', thread: false, buffer: 'buffer1' },
      ...{ first: 0, pages: 512, iova: undefined, write: true },
    },
    { do: 'unmap', mapping: 'mapping2' },
  ];
  const spec = await printSpec(
    steps,
    {
      before: ['const held = await readHoldings(guest, parent.pid);'],
      after: ["expect(await readHoldings(guest, parent.pid)).toHoldMorePages(held, 0, 'after it');"],
    },
    'generated',
  );
  expect(spec).toContain("import { readHoldings } from '../../lib/guest/vfio/pins.js';\n");
  expect(spec).toContain('async ({ vfio, guest }) => {\n  await guest.succeed([');
  expect(spec).toMatch(/const held = .*\n  await mapping1\.unmap\(\);\n  expect\(/);
});

test('specs of many sequences are typed as those written by hand are', async () => {
  // The compiler reads all that a spec imports.
  test.setTimeout(240_000);
  // They stand where they are to be pasted, in the mind only.
  const texts = new Map<string, string>();
  for (let seed = 0; seed < 3; seed += 1) {
    const steps = Planner.plan(drawSequence(seed), 1n << 39n);
    const mapping = steps.findLast((step) => step.do === 'map')?.mapping ?? '';
    texts.set(
      path.join(root, `specs/vfio/pasted-${seed}.spec.ts`),
      await printSpec(steps, taken(mapping), `seed ${seed}`),
    );
  }
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const onDisk = { ...host };
  host.fileExists = (name) => texts.has(name) || onDisk.fileExists(name);
  host.getSourceFile = (name, language, ...more) => {
    const text = texts.get(name);
    return text === undefined
      ? onDisk.getSourceFile(name, language, ...more)
      : ts.createSourceFile(name, text, language);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  const problems = [...texts.keys()].flatMap((name) => [
    ...program.getSyntacticDiagnostics(program.getSourceFile(name)),
    ...program.getSemanticDiagnostics(program.getSourceFile(name)),
  ]);
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});
