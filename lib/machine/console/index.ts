export { Console, type ConsoleLine, type ConsoleListener, type ConsoleOptions } from './console.js';
export { stripControlCodes } from './control-codes.js';
