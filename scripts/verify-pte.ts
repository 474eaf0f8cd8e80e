/**
 * `npx tsx scripts/verify-pte.ts <monitor_port> <virtual_address>`; `--help` says the rest.
 *
 * This file is what an old Node has to understand too: it looks at the version before anything newer is loaded.
 */
const required = 20;
const found = Number.parseInt(process.versions.node, 10);
if (found < required) {
  console.error(
    `verify-pte: Node ${process.versions.node} is too old: install Node ${String(required)} or newer (https://nodejs.org, or nvm install ${String(required)}).`,
  );
  process.exitCode = 1;
} else {
  void import('./verify-pte/main.js').then(({ main }) => main(process.argv.slice(2)));
}
