export { Console, type ConsoleLine } from './console.js';
