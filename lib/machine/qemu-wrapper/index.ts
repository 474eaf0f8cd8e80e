export { installQemuWrapper, type QemuWrapper } from './install.js';
export { describeChanges, readReport } from './report.js';
export { rewriteCommandLine, spareDevice, type WrapperWishes } from './rewrite.js';
