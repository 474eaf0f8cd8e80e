import type { Route } from '../route.js';
import { aliasRoutes } from './aliases.js';
import { dontneedRoutes, mprotectRoutes, mremapRoutes } from './changes.js';
import { forkRoutes, otherProcessRoutes } from './other-process.js';
import { kernelRoutes, ownRoutes } from './own.js';
import { physicalRoutes } from './physical.js';

/** Every route that is known, in the order in which a table shows them. */
export const routes: readonly Route[] = [
  ...ownRoutes,
  ...mprotectRoutes,
  ...mremapRoutes,
  ...dontneedRoutes,
  ...forkRoutes,
  ...aliasRoutes,
  ...kernelRoutes,
  ...otherProcessRoutes,
  ...physicalRoutes,
];
