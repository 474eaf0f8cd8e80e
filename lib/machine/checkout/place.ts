import path from 'node:path';

import { UndoStack } from '../../host/undo-stack.js';
import { createRunFolder } from '../ownership/index.js';
import { lockDisk } from './disk-lock.js';
import { fillWorkingFolder, reflinkProblem, type Replacement } from './working-folder.js';

const disk = 'images/l1.img';
const qemu = 'qemu-l0/build/qemu-system-x86_64';

export interface PlaceOptions {
  /** The checkout; see requireCheckout. */
  readonly root: string;
  /** Folders in which a copy of the disk may be made, if their file system can share its blocks. */
  readonly parents: readonly string[];
  /** A program that is to run in place of the checkout's QEMU. */
  readonly qemu?: string;
  /** Who launches it, for others who want the disk meanwhile. */
  readonly holder: string;
  readonly onWait?: (holder: string) => void;
}

/** Where a launch runs. */
export interface LaunchPlace {
  /** The launch script's working folder: the checkout itself, or one that looks like it. */
  readonly folder: string;
  /** Whether the launch has a disk of its own, and why not if it has none. */
  readonly disk: string;
  readonly ownDisk: boolean;
  /** Gives back the disk and removes the folder, once the machine is gone. */
  release(): Promise<void>;
}

/**
 * Where a checkout is launched: in a folder of links with a copy of the disk that shares its blocks, so that runs are isolated, where a
 * file system can; else on the checkout's own disk, one launch at a time. Nothing is written into the checkout but by L1 to its disk.
 *
 * @throws LockTimeoutError naming the run that holds the disk
 * @throws DiskInUseError naming the QEMU that holds it
 */
export async function takePlace(options: PlaceOptions): Promise<LaunchPlace> {
  const { root, parents, holder, onWait } = options;
  const replaced: Replacement[] =
    options.qemu === undefined ? [] : [{ path: qemu, by: { file: options.qemu } }];
  const held = new UndoStack();
  const image = path.join(root, disk);
  const problems: string[] = [];
  try {
    for (const parent of parents) {
      const folder = await createRunFolder({ prefix: 'checkout', parent });
      held.defer(() => folder.remove());
      const problem = await reflinkProblem(image, folder.path);
      if (problem === undefined) {
        await fillWorkingFolder(root, folder.path, [...replaced, { path: disk, by: 'reflink' }]);
        return {
          folder: folder.path,
          disk: `a copy of ${image} of its own, which shares its blocks`,
          ownDisk: true,
          release: () => held.undo(),
        };
      }
      problems.push(`in ${parent}: ${problem}`);
      await held.undo();
    }
    const lease = await lockDisk(image, { holder, ...(onWait ? { onWait } : {}) });
    held.defer(() => lease.release());
    const place = {
      disk: `${image} itself, one launch at a time: no copy that shares its blocks can be made (${problems.join('; ') || 'nowhere to make it'})`,
      ownDisk: false,
      release: () => held.undo(),
    };
    if (replaced.length === 0) return { ...place, folder: root };
    const folder = await createRunFolder({ prefix: 'checkout' });
    held.defer(() => folder.remove());
    await fillWorkingFolder(root, folder.path, replaced);
    return { ...place, folder: folder.path };
  } catch (error) {
    await held.undo();
    throw error;
  }
}
