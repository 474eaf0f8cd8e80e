import { expect, test } from '@playwright/test';
import fc from 'fast-check';

import { rewriteCommandLine, type WrapperWishes } from '../../../../lib/machine/qemu-wrapper/index.js';
import { InfrastructureError } from '../../../../lib/errors.js';
import { checkoutCommandLine, type Mode } from './checkout-command-line.js';

const root = '/home/user/open-tdx';
const append = 'console=ttyS0 root=/dev/sda rw earlyprintk=serial net.ifnames=0 nohibernate debug';
const iommu = ['-device', 'intel-iommu,intremap=on,caching-mode=on'];
const wholeWish: WrapperWishes = {
  tcgBecause: 'KVM cannot run a guest here',
  passThrough: 'edu,addr=10.0',
  kernelArguments: ['nokaslr'],
  wholeKernelLog: true,
  gdbPort: 21000,
  monitorPort: 21100,
  loopbackOnly: true,
};

function rewrite(words: readonly string[], wishes: WrapperWishes): string[] {
  return [...rewriteCommandLine(words, wishes).words];
}

/** `words` with each run of words in `changes` replaced by another, which must be there. */
function withChanges(
  words: readonly string[],
  changes: readonly (readonly [string[], string[]])[],
): string[] {
  let result = [...words];
  for (const [from, to] of changes) {
    const at = result.findIndex((_, index) => from.every((word, offset) => result[index + offset] === word));
    expect(at, `${from.join(' ')} is in the command line`).not.toBe(-1);
    result = [...result.slice(0, at), ...to, ...result.slice(at + from.length)];
  }
  return result;
}

const modes: Record<string, Mode> = {
  plain: {},
  DEBUG: { debug: true },
  GPU: { gpu: '0000:03:00.0' },
  'GPU and DEBUG': { gpu: '0000:03:00.0', debug: true },
};

for (const [name, mode] of Object.entries(modes)) {
  test.describe(`the launch script's command line, ${name}`, () => {
    const given = checkoutCommandLine(root, mode);
    const givenAppend = `${append}${mode.gpu === undefined ? '' : ' intel_iommu=on iommu=pt iommu=on'}`;

    test('is the same without a wish', () => {
      expect(rewriteCommandLine(given, {})).toEqual({ words: given, changes: [] });
    });

    test('runs under TCG: accelerator, CPU model and timer check, nothing else', () => {
      expect(rewrite(given, { tcgBecause: 'of this' })).toEqual(
        withChanges(given, [
          [
            ['-cpu', 'host'],
            ['-cpu', 'max,la57=off,cx16=off'],
          ],
          [['-enable-kvm'], ['-accel', 'tcg,thread=multi']],
          [
            ['-append', givenAppend],
            ['-append', `${givenAppend} no_timer_check`],
          ],
        ]),
      );
    });

    test('has a vIOMMU and a device to pass on, and a kernel that uses them', () => {
      const withDevice = [...given, '-device', 'edu,addr=10.0'];
      expect(rewrite(given, { passThrough: 'edu,addr=10.0' })).toEqual(
        mode.gpu === undefined
          ? withChanges(
              [...iommu, ...withDevice],
              [
                [
                  ['-append', append],
                  ['-append', `${append} intel_iommu=on iommu=pt`],
                ],
              ],
            )
          : withDevice,
      );
    });

    test('has a kernel log that holds what the driver says of a large mapping', () => {
      expect(rewrite(given, { wholeKernelLog: true })).toEqual(
        withChanges(given, [
          [
            ['-append', givenAppend],
            ['-append', `${givenAppend} log_buf_len=16M`],
          ],
        ]),
      );
    });

    test('has a gdb stub on a VM that runs', () => {
      expect(rewrite(given, { gdbPort: 21000 })).toEqual(
        mode.debug === true ? withChanges(given, [[['-S'], []]]) : [...given, '-gdb', 'tcp:127.0.0.1:21000'],
      );
    });

    test('has its own monitor already', () => {
      expect(rewriteCommandLine(given, { monitorPort: 21100 }).changes).toEqual([]);
    });

    test('listens on this host only', () => {
      const words = rewrite(given, { loopbackOnly: true });
      expect(words.join(' ')).not.toMatch(/tcp::/);
      expect(words).toEqual(given.map((word) => word.replaceAll('tcp::', 'tcp:127.0.0.1:')));
    });
  });
}

test('a kernel log whose size the launch script gives, or whose kernel a boot loader starts, is left alone', () => {
  for (const given of [
    ['-kernel', 'bzImage', '-append', 'quiet log_buf_len=64M'],
    ['-hda', 'l1.img'],
  ]) {
    expect(rewriteCommandLine(given, { wholeKernelLog: true })).toEqual({ words: given, changes: [] });
  }
});

test('every change is told: undone one by one, they lead back to what was given', () => {
  for (const mode of Object.values(modes)) {
    const given = checkoutCommandLine(root, mode);
    const { words, changes } = rewriteCommandLine(given, wholeWish);
    const counts = (list: readonly string[]): Map<string, number> => {
      const count = new Map<string, number>();
      for (const word of list) count.set(word, (count.get(word) ?? 0) + 1);
      return count;
    };
    const balance = counts(words);
    for (const { removed, added, why } of changes) {
      expect(why).not.toBe('');
      for (const word of removed) balance.set(word, (balance.get(word) ?? 0) + 1);
      for (const word of added) balance.set(word, (balance.get(word) ?? 0) - 1);
    }
    expect(Object.fromEntries([...balance].filter(([, count]) => count !== 0))).toEqual(
      Object.fromEntries(counts(given)),
    );
  }
});

test('what was changed once is not changed again', () => {
  for (const mode of Object.values(modes)) {
    const { passThrough, ...others } = wholeWish;
    const once = rewrite(checkoutCommandLine(root, mode), { ...others, passThrough: passThrough ?? '' });
    expect(rewriteCommandLine(once, others).changes).toEqual([]);
  }
});

test.describe('KVM by other names', () => {
  const kernel = ['-kernel', 'k'];
  const cases: [string, string[], string[]][] = [
    ['--enable-kvm', ['--enable-kvm'], ['-accel', 'tcg,thread=multi']],
    ['-accel kvm', ['-accel', 'kvm'], ['-accel', 'tcg,thread=multi']],
    ['-accel with properties', ['-accel', 'accel=kvm,dirty-ring-size=4096'], ['-accel', 'tcg,thread=multi']],
    ['two of them', ['-accel', 'kvm', '-accel', 'tcg'], ['-accel', 'tcg,thread=multi', '-accel', 'tcg']],
    [
      '-machine accel=',
      ['-machine', 'q35,accel=kvm,usb=off'],
      ['-machine', 'q35,usb=off', '-accel', 'tcg,thread=multi'],
    ],
    [
      '-M accel=kvm:tcg',
      ['-M', 'accel=kvm:tcg,type=q35'],
      ['-machine', 'type=q35', '-accel', 'tcg,thread=multi'],
    ],
    [
      'a host CPU with flags',
      ['-cpu', 'host,+vmx,migratable=off'],
      ['-cpu', 'max,la57=off,cx16=off,+vmx,migratable=off'],
    ],
    ['a TCG that is asked for already', ['-accel', 'tcg', '-cpu', 'max'], ['-accel', 'tcg', '-cpu', 'max']],
    ['a CPU model whose name only begins so', ['-cpu', 'hostile'], ['-cpu', 'hostile']],
    ['a machine without KVM', ['-machine', 'q35,accel=tcg'], ['-machine', 'q35,accel=tcg']],
  ];
  for (const [name, given, expected] of cases) {
    test(name, () => {
      const words = rewrite(given, { tcgBecause: 'of this' });
      expect(words).toEqual(expected);
    });
  }

  test('a kernel that comes without arguments gets them', () => {
    expect(rewrite(['-enable-kvm', ...kernel], { tcgBecause: 'of this' })).toEqual([
      ...['-accel', 'tcg,thread=multi', ...kernel, '-append', 'no_timer_check'],
    ]);
  });
});

test.describe('a device to pass on', () => {
  test('kernel arguments cannot be given where QEMU loads no kernel, and the error says which', () => {
    const attempt = (): unknown => rewriteCommandLine(['-drive', 'file=disk.img'], { passThrough: 'edu' });
    expect(attempt).toThrow(InfrastructureError);
    expect(attempt).toThrow(/no -kernel, so that intel_iommu=on iommu=pt cannot be added/);
  });

  test('an intel-iommu that cannot pass a device through learns to', () => {
    expect(rewrite(['-device', 'intel-iommu', '-kernel', 'k'], { passThrough: 'edu' })).toEqual([
      ...['-device', 'intel-iommu,caching-mode=on', '-kernel', 'k'],
      ...['-device', 'edu', '-append', 'intel_iommu=on iommu=pt'],
    ]);
  });

  test('another kind of IOMMU stays alone', () => {
    const given = ['-device', 'virtio-iommu-pci', '-kernel', 'k'];
    expect(rewrite(given, { passThrough: 'edu' })).toEqual([...given, '-device', 'edu']);
  });

  test('only the last -append counts, as QEMU takes it', () => {
    const given = ['-kernel', 'k', '-append', 'first', '-append', 'last'];
    expect(rewrite(given, { kernelArguments: ['last', 'more'] })).toEqual([
      ...['-kernel', 'k', '-append', 'first', '-append', 'last more'],
    ]);
  });
});

test('what stands in a value is no option', () => {
  const given = ['-kernel', '-S', '-append', '-S', '-gdb', '-s', '-nographic', 'disk.img'];
  expect(rewrite(given, { gdbPort: 21000 })).toEqual([
    ...['-kernel', '-S', '-append', '-S', '-nographic', 'disk.img', '-gdb', 'tcp:127.0.0.1:21000'],
  ]);
});

test.describe('upstream’s script', () => {
  // No monitor on TCP, and -s for the gdb stub.
  const upstream = ['-kernel', 'k', '-S', '-s', '-nographic'];

  test('gets a monitor', () => {
    expect(rewrite(upstream, { monitorPort: 21100 })).toEqual([
      ...[...upstream, '-monitor', 'tcp:127.0.0.1:21100,server,nowait,nodelay'],
    ]);
  });

  test('gets its gdb stub on the port that is wanted', () => {
    expect(rewrite(upstream, { gdbPort: 21000 })).toEqual([
      ...['-kernel', 'k', '-nographic', '-gdb', 'tcp:127.0.0.1:21000'],
    ]);
  });

  test('-s listens on this host only', () => {
    expect(rewrite(upstream, { loopbackOnly: true })).toContain('tcp:127.0.0.1:1234');
  });
});

test('what -set opens beyond this host is written into its option, and listens on this host', () => {
  const device = ['-chardev', 'socket,id=c,port=1', '-mon', 'c'];
  const sets = ['-set', 'chardev.c.server=on', '-set', 'chardev.c.host=0.0.0.0', '-set', 'device.x.y=1,2'];
  const rewritten = rewrite([...sets.slice(4), ...device, ...sets.slice(0, 4)], { loopbackOnly: true });
  expect(rewritten).toEqual([
    ...['-set', 'device.x.y=1,2', '-chardev'],
    ...['socket,id=c,port=1,server=on,host=127.0.0.1', '-mon', 'c'],
  ]);
  const local = [...device, '-set', 'chardev.c.host=127.0.0.1', '-set', 'chardev.c.server=on'];
  expect(rewrite(local, { loopbackOnly: true })).toEqual(local);
});

test('a monitor on another port is not the one that is wanted', () => {
  const given = ['-monitor', 'tcp:127.0.0.1:2110,server,nowait'];
  expect(rewrite(given, { monitorPort: 21100 })).toHaveLength(4);
});

test.describe('options that are not known', () => {
  /** No option that a wish is about. */
  const word = fc.oneof(
    fc.stringMatching(/^-{1,2}x[a-z-]{0,8}$/),
    fc.stringMatching(/^[A-Za-z0-9=,:./ -]{0,20}$/).filter((text) => !text.startsWith('-')),
    fc.constantFrom('', '-', '--', 'host', 'kvm', 'tcp::1-:2'),
  );

  test('any words are kept without a wish', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 20 }), (words) => {
        expect(rewrite(words, {})).toEqual(words);
      }),
    );
  });

  test('they stay in their order and places, among all wishes', () => {
    const base = checkoutCommandLine(root);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (unknown) => {
        // At the end of a command line nothing of the launch script's follows that could be taken for a value.
        const rewritten = rewrite([...base, ...unknown], wholeWish);
        const plain = rewrite(base, wholeWish);
        const at = rewritten.indexOf('-nographic') + 1;
        expect(rewritten.slice(at, at + unknown.length)).toEqual(unknown);
        expect([...rewritten.slice(0, at), ...rewritten.slice(at + unknown.length)]).toEqual(plain);
      }),
    );
  });
});
