import { readFileSync } from 'node:fs';

/** A reply of QEMU 7.2.22's monitor, recorded under recorded/ (`firmware`: SeaBIOS; `linux`, `la57`: Debian's 6.1 kernel). */
export function recorded(name: string): string {
  return readFileSync(new URL(`recorded/${name}.txt`, import.meta.url), 'utf8');
}
