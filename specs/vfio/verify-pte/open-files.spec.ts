import { expect, test } from '../../../fixtures/index.js';
import { queryText } from '../../../lib/guest/verify-pte/index.js';

// Which query a reader is answered, by whom it was written.

test('echo and then cat: a reader that wrote nothing gets what was written last', async ({
  guest,
  verifyPte,
  vfio,
}) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 2 });
  for (const each of [address, address + 4096n, address]) {
    await guest.succeed([
      'sh',
      '-c',
      'echo "$1" > /proc/verify_pte',
      'sh',
      `${process.pid}:${each.toString(16)}`,
    ]);
    const text = await guest.succeed(['cat', '/proc/verify_pte']);
    const { pte } = await verifyPte.entry({ address: each, pid: process.pid });
    expect(text).toContain(`Virtual Address: 0x${each.toString(16)}\n`);
    expect(text).toContain(`PTE Value: 0x${pte.toString(16)}\n`);
  }
});

test('before anything was written a reader is told so', async ({ guest, verifyPte }) => {
  expect(verifyPte).toBeDefined();
  expect(await guest.succeed(['cat', '/proc/verify_pte'])).toMatch(/^Error: No address was written yet/);
});

test('what was written through an open file answers that file, whatever others write meanwhile', async ({
  guest,
  verifyPte,
  vfio,
}) => {
  expect(verifyPte).toBeDefined();
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 3 });
  const [first, second, third] = [0n, 4096n, 8192n].map((offset) =>
    queryText({ address: address + offset, pid: process.pid }),
  );
  const seen = await guest.shell(
    `exec 3<>/proc/verify_pte 4<>/proc/verify_pte 5</proc/verify_pte
     echo "$1" >&3; echo "$2" >&4; echo "$3" > /proc/verify_pte
     for fd in 3 4 5 3; do eval "cat <&$fd" | head -n 1; done
     echo "$2" >&3; cat <&3 | head -n 1`,
    {},
    first ?? '',
    second ?? '',
    third ?? '',
  );
  const line = (offset: bigint): string => `Virtual Address: 0x${(address + offset).toString(16)}`;
  // The fourth look is at the file's end: an answer is given once. A new query through the same file starts anew.
  expect(seen.stdout.trim().split('\n')).toEqual([line(0n), line(4096n), line(8192n), line(4096n)]);
});

test('a plain address means the process that reads', async ({ guest, verifyPte }) => {
  expect(verifyPte).toBeDefined();
  const { stdout } = await guest.shell(
    `exec 3<>/proc/verify_pte
     address=$(sed -n 's/^\\([0-9a-f]*\\)-.*\\[stack\\]$/\\1/p; ' /proc/$$/maps)
     end=$(sed -n 's/^[0-9a-f]*-\\([0-9a-f]*\\) .*\\[stack\\]$/\\1/p; ' /proc/$$/maps)
     printf '%x\\n' $((0x$end - 4096)) >&3
     echo "$$"
     while read -r line <&3; do echo "$line"; done`,
  );
  const [pid, ...lines] = stdout.trim().split('\n');
  expect(lines).toContain(`Target PID: ${pid ?? ''}`);
  expect(lines).toContain('_PAGE_USER bit: SET (user page) (0x4)');
});

test('readers at the same time, of processes that come and go, each get their own answer', async ({
  guest,
  verifyPte,
  kernelLog,
}) => {
  expect(verifyPte).toBeDefined();
  // Four readers, each with 60 short-lived processes of its own to look into, while those start and end.
  const { stdout } = await guest.shell(
    `reader() {
       exec 3<>/proc/verify_pte
       for i in $(seq 60); do
         sleep 0.02 & pid=$!
         printf '%x:%x\\n' 0 0 >&3 2>/dev/null
         printf '%d:%x\\n' $pid $((4096 * $1)) >&3
         read -r answer <&3
         case $answer in
           "Error: Could not get PTE for address 0x$(printf %x $((4096 * $1))):"*) echo mapped-nothing ;;
           "Error: Process $pid has no address space"*) echo ended ;;
           "Error: There is no process $pid") echo gone ;;
           *) echo "WRONG for $1 $pid: $answer" ;;
         esac
         while read -r rest <&3; do :; done
       done
     }
     for n in 1 2 3 4; do reader $n & done; wait`,
    { timeoutMs: 120_000 },
  );
  const answers = stdout.trim().split('\n');
  expect(answers).toHaveLength(240);
  expect(answers.filter((answer) => !/^(mapped-nothing|ended|gone)$/.test(answer))).toEqual([]);
  expect((await kernelLog.entries()).filter(({ text }) => /BUG|WARNING|Oops/.test(text))).toEqual([]);
});
