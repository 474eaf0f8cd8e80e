export type { Change } from './draft.js';
export { installQemuWrapper, type QemuWrapper } from './install.js';
export { describeChanges, readReport, type WrapperReport } from './report.js';
export { rewriteCommandLine, spareDevice, spareDeviceAddress, type WrapperWishes } from './rewrite.js';
