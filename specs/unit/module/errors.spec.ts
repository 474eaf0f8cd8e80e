import { expect, test } from '@playwright/test';
import { GuestModuleError } from '../../../lib/guest/module/index.js';

const insmod = 'insmod /x/verify_pte.ko';
// What busybox and kmod print.
const said = [
  [insmod, "insmod: can't insert '/x/verify_pte.ko': invalid module format", 'invalidFormat'],
  [insmod, 'insmod: ERROR: could not insert module verify_pte.ko: Invalid module format', 'invalidFormat'],
  [insmod, "insmod: can't insert '/x/verify_pte.ko': No such file or directory", 'noSuchFile'],
  [insmod, "insmod: can't insert '/x/verify_pte.ko': File exists", 'alreadyLoaded'],
  [insmod, "insmod: can't insert 'x.ko': unknown symbol in module, or unknown parameter", 'unknownSymbol'],
  [insmod, 'insmod: ERROR: could not insert module x.ko: Operation not permitted', 'notPermitted'],
  ['rmmod x', "rmmod: can't unload module 'x': No such file or directory", 'notLoaded'],
  ['rmmod x', 'rmmod: ERROR: Module x is not currently loaded', 'notLoaded'],
  ['rmmod x', "rmmod: can't unload module 'x': Resource temporarily unavailable", 'inUse'],
  ['rmmod x', 'rmmod: ERROR: Module x is in use by: y', 'inUse'],
  [insmod, '', 'other'],
] as const;

for (const [tried, words, failure] of said) {
  test(`${tried}: '${words}' is '${failure}'`, () => {
    const error = new GuestModuleError(tried, words, undefined);
    expect(error.failure).toBe(failure);
    expect(error.message).toContain(tried);
    expect(error.message).not.toContain('The kernel:');
  });
}

test("the kernel's own words and the remedy are part of the message", () => {
  const magic = "verify_pte: version magic '6.2' should be '6.1'";
  const { message } = new GuestModuleError(insmod, 'invalid module format', magic);
  expect(message).toContain(`The kernel: "${magic}".`);
  expect(message).toMatch(/another kernel.*make KDIR=/);
});
