export { AcceleratorUnavailableError, chooseAccelerator, type AcceleratorChoice } from './choose.js';
