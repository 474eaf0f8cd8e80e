import type { LineShell } from '../command-shell.js';
import { GuestTool } from '../tool/index.js';
import { VfioError } from './errors.js';

/**
 * Starts vfio-map, which every stack's guest must have, in its image or brought there: a process that does VFIO, and holds its mappings
 * open. Its operations throw a VfioError when they cannot be done.
 */
export function startVfioTool(guest: LineShell): Promise<GuestTool> {
  return GuestTool.start(guest, 'vfio-map', { errorOf: (op, failure) => new VfioError(op, failure) });
}
