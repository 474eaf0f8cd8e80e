export { Console, type ConsoleLine } from './console.js';
export { stripControlCodes } from './control-codes.js';
