import path from 'node:path';

const script = path.join(import.meta.dirname, 'apart.sh');

/** Runs `command` as apart.sh says, in namespaces that end with it. */
export function apart(
  folder: string,
  size: string,
  command: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  const namespaces = [
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  return { command: 'unshare', args: [...namespaces, script, folder, size, ...command] };
}
