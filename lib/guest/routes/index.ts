/** The routes by which user mode may reach a page that is mapped for DMA. */
export { routes } from './catalog/index.js';
export { kcoreOffset } from './kcore.js';
export { probeRoute, type RouteResult } from './probe.js';
export { uncoveredPaths } from './uncovered.js';
