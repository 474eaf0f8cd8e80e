import { oneLine } from '../../text/index.js';
import type { GuestShell } from '../ssh/index.js';
import { broughtFolder } from '../tools/index.js';
import { GuestModuleError } from './errors.js';

export { GuestModuleError } from './errors.js';

/** Longest excerpt of what the guest says of a module. */
const excerpt = 400;

/**
 * insmod.
 *
 * @param file path in the guest
 * @param parameters such as `count=3`
 * @throws GuestModuleError with the cause and the remedy
 */
export async function insertModule(
  guest: GuestShell,
  file: string,
  ...parameters: readonly string[]
): Promise<void> {
  const result = await guest.run(['insmod', file, ...parameters]);
  if (result.exitCode === 0) return;
  const name = file.replace(/^.*\//, '').replace(/\.ko$/, '');
  throw await moduleError(guest, `insmod ${file}`, result.stderr, name);
}

/**
 * rmmod.
 *
 * @throws GuestModuleError with the cause and the remedy
 */
export async function removeModule(guest: GuestShell, name: string): Promise<void> {
  const result = await guest.run(['rmmod', name]);
  if (result.exitCode !== 0) throw await moduleError(guest, `rmmod ${name}`, result.stderr, name);
}

/** Loads one of the project's own modules (images/reference/modules), from where the guest's image has it. */
export async function insertOwnModule(guest: GuestShell, name: string): Promise<void> {
  await insertModule(guest, await ownModuleFile(guest, name));
}

/** Where the guest has one of the project's own modules: its image, or where it was brought. */
export async function ownModuleFile(guest: GuestShell, name: string): Promise<string> {
  const release = (await guest.succeed(['uname', '-r'])).trim();
  const built = `/lib/modules/${release}/extra/${name}.ko`;
  const brought = `${broughtFolder}/${name}.ko`;
  return (await guest.run(['test', '-e', brought])).exitCode === 0 ? brought : built;
}

async function moduleError(
  guest: GuestShell,
  tried: string,
  said: string,
  name: string,
): Promise<GuestModuleError> {
  // The kernel begins its complaints about a module with the module's name (kernel/module/main.c).
  const { stdout } = await guest.shell('dmesg | grep -F "] $1: " | tail -n 1', {}, name);
  const line = stdout.replace(/^\[[^\]]*\]\s*/, '').trim();
  return new GuestModuleError(
    tried,
    oneLine(said).slice(0, excerpt),
    line === '' ? undefined : oneLine(line).slice(0, excerpt),
  );
}
