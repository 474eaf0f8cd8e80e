export { ToolError, type ToolFailure } from './errors.js';
export { Reply } from './reply.js';
export { GuestTool, type ToolArguments } from './tool.js';
