#!/usr/bin/env node
// @ts-check
// The reference launch script behind a monitor that takes a connection at once and is silent for SAMPLE_SILENCE_MS, as on a host that is
// too busy to let QEMU speak.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
const at = args.indexOf('-d') + 1;
const debug = Number(args[at]);
// The gdb stub's own port, which nothing uses here, is QEMU's monitor: 100 above what it is told.
const launch = spawn(
  fileURLToPath(new URL('../../../../images/reference/launch-opentdx.sh', import.meta.url)),
  args.with(at, String(debug - 100)),
  { stdio: 'inherit' },
);
launch.on('exit', (code) => process.exit(code ?? 1));

createServer({ pauseOnConnect: true }, (client) => {
  client.on('error', () => client.destroy());
  void delay(Number(process.env.SAMPLE_SILENCE_MS)).then(() => {
    const monitor = connect(debug, '127.0.0.1');
    monitor.on('error', () => client.destroy());
    client.pipe(monitor).pipe(client);
  });
}).listen(debug + 100, '127.0.0.1');
