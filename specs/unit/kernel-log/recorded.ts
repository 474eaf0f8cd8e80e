import { readFileSync } from 'node:fs';

/** A recorded text, in the formats of Linux 6.1; addresses and names are invented. */
export function recorded(name: string): string {
  return readFileSync(new URL(`recorded/${name}.txt`, import.meta.url), 'utf8');
}
