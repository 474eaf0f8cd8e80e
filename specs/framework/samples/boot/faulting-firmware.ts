/** Of a PC's smallest firmware image, which ends at the end of the first MiB and of the first 4 GiB. */
const bytes = 64 << 10;
/** Where a CPU begins: 16 bytes below the end (SDM vol. 3, 10.1.4). */
const resetVector = bytes - 16;

/**
 * A firmware whose first instructions are a triple fault: an interrupt without a table to look it up in, of which the exception
 * has none to be looked up in either.
 */
export function faultingFirmware(): Uint8Array {
  const image = new Uint8Array(bytes).fill(0xf4);
  // lidt cs:[0xffe0]: limit 0, base 0; then int3.
  image.set([0x2e, 0x0f, 0x01, 0x1e, 0xe0, 0xff, 0xcc], resetVector);
  image.fill(0, 0xffe0, 0xffe6);
  return image;
}
