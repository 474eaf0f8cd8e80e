/** Whether this runs compiled, as a package is: in a checkout Playwright and tsx run the TypeScript itself. */
export const isCompiled = import.meta.filename.endsWith('.js');

/** How one of the project's commands is typed here: by npm in a checkout, elsewhere by the package's program. */
export function ownCommand(name: string, ...args: readonly string[]): string {
  if (isCompiled) return ['npx opentdx-e2e', name, ...args].join(' ');
  return [`npm run ${name === 'test' ? 'e2e' : name}`, ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
}
