import { expect, test } from '@playwright/test';

import type { LineShell } from '../../../lib/guest/command-shell.js';
import { GuestTool, ToolError } from '../../../lib/guest/tool/index.js';
import { VfioError } from '../../../lib/guest/vfio/errors.js';
import { startVfioTool } from '../../../lib/guest/vfio/tool.js';

/** A guest whose tool answers every request with this line; `ID` in it is the request's. */
function guestThatAnswers(line: string): LineShell {
  let id = 0;
  return {
    spawn: () =>
      Promise.resolve({
        writeLine: (request: string) => {
          id = (JSON.parse(request) as { id: number }).id;
          return Promise.resolve();
        },
        readLine: () => Promise.resolve(line.replaceAll('ID', String(id))),
        closeStdin: () => undefined,
        kill: () => Promise.resolve(),
        exited: Promise.resolve(),
      }),
  };
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return (error as Error).message;
}

const refused =
  '{"id":ID,"ok":false,"error":{"kind":"system","errno":"EBUSY","meaning":"busy","tried":"KVM_RUN"}}';

test('a tool is called by its name, whatever goes wrong', async () => {
  for (const answer of [
    'no JSON',
    '[1]',
    '{"id":ID,"ok":true}',
    '{"id":ID,"ok":7}',
    '{"id":99,"ok":true}',
    refused,
  ]) {
    const tool = await GuestTool.start(guestThatAnswers(answer), '/root/l2-host');
    const message = await messageOf(tool.request('vmCreate').then((reply) => reply.number('pid')));
    expect(message, answer).toContain('l2-host');
    expect(message).not.toContain('vfio');
  }
  const tool = await GuestTool.start(guestThatAnswers(refused), '/root/l2-host');
  expect(await messageOf(tool.request('vmCreate'))).toBe('l2-host vmCreate: KVM_RUN: EBUSY (busy).');
  await expect(tool.request('vmCreate')).rejects.toThrow(ToolError);
});

test('a request that the tool cannot read is shown with the reason, not blamed on versions', async () => {
  const malformed =
    '{"id":null,"ok":false,"error":{"kind":"malformed","tried":"byte 31: a number is not whole"}}';
  const tool = await startVfioTool(guestThatAnswers(malformed));
  const message = await messageOf(tool.request('alloc', { pages: 1.5 }));
  expect(message).toMatch(
    /^vfio alloc: the request \{.*"pages":1\.5.*\}: byte 31: a number is not whole\. Counts are whole/,
  );
  expect(message).not.toContain('version');
});

test('huge pages without a pool are to be reserved; other memory that is not there is another matter', () => {
  const failure = (tried: string) => ({
    kind: 'system',
    errno: 'ENOMEM',
    meaning: 'Cannot allocate memory',
    tried,
  });
  const pool = ' (are there free pages in /sys/kernel/mm/hugepages?)';
  for (const kind of ['hugetlb', 'hugetlb1g']) {
    const { message } = new VfioError('alloc', failure(`mmap of 0x200000 bytes, ${kind}${pool}`));
    expect(message).toContain('nr_hugepages');
    expect(message).not.toContain('map less');
  }
  const { message } = new VfioError('alloc', failure('mmap of 0x200000 bytes, anonymous'));
  expect(message).toContain('map less');
  expect(message).not.toContain('nr_hugepages');
});
