import { writeFile } from 'node:fs/promises';

import { expect, test } from '@playwright/test';

import { readEnvironment } from '../../../../fixtures/environment.js';
import { NoMonitorError } from '../../../../lib/machine/find-monitor.js';
import { launch } from '../../../../lib/machine/launch.js';
import { type LaunchPlan, scriptArguments } from '../../../../lib/machine/plan/launch-plan.js';
import { forProbe } from '../../../../lib/machine/wait/index.js';

const budgetMs = 30_000;
const atOnce = forProbe(() => Promise.resolve('ready'), { awaited: 'nothing', budgetMs });
const qemu = 'qemu-system-x86_64 -nodefaults -display none -accel tcg -m 16M';

const invocation: LaunchPlan['invocation'] = (plan, ports) => ({
  args: scriptArguments(plan, ports),
  environment: {},
});

/** What a script of these lines starts, whose `$port` is its debug port; answers what its monitor says of the machine. */
async function statusOf(lines: string, plan: Partial<LaunchPlan> = {}): Promise<string> {
  const script = test.info().outputPath('launcher');
  const shell = `#!/bin/bash\nwhile getopts m:s:p:d: o; do [ $o = d ] && port=$OPTARG; done\n${lines}\n`;
  await writeFile(script, lines.startsWith('#!') ? lines : shell, { mode: 0o755 });
  const machine = await launch(
    { program: script, memory: '16M', vcpus: 1, debug: false, invocation, ...plan },
    {
      title: 'a machine',
      consoleLog: test.info().outputPath('console.log'),
      until: () => Promise.resolve(atOnce),
    },
  );
  try {
    expect(machine.commandLine[0]).toContain('qemu-system-x86_64');
    return (await machine.monitor.command('info status')).trim();
  } finally {
    await machine.stop();
  }
}

const running = 'VM status: running';
const agreed = '-monitor tcp:127.0.0.1:$((port + 100)),server,nowait';

test('the monitor is found where QEMU has it, however the launcher comes to say so', async () => {
  const python = `#!/usr/bin/env python3
import subprocess, sys
port = int(sys.argv[sys.argv.index('-d') + 1]) + 100
subprocess.run('${qemu}'.split() + ['-monitor', f'tcp:127.0.0.1:{port},server,nowait'])
`;
  for (const lines of [
    `exec ${qemu} ${agreed}`,
    `${qemu} ${agreed}; exit $?`,
    `exec ${qemu} -chardev socket,id=m,host=127.0.0.1,port=$((port + 99)),server=on,wait=off -mon m`,
    `exec ${qemu} -monitor unix:monitor.socket,server,nowait`,
    `printf '[chardev "m"]\\nbackend = "socket"\\npath = "m.socket"\\nserver = "on"\\nwait = "off"\\n[mon "m"]\\nchardev = "m"\\n' > vm.cfg; exec ${qemu} -readconfig vm.cfg`,
    python,
  ]) {
    expect(await statusOf(lines), lines).toBe(running);
  }
});

test('where the plan says where it is, nothing else counts', async () => {
  const path = test.info().outputPath('m');
  test.skip(path.length > 100, 'a socket cannot have so long a path');
  expect(
    await statusOf(`exec ${qemu} -monitor 'unix:${path},server,nowait' -S`, { monitor: { path } }),
  ).toContain('paused');
});

test('a QEMU without a monitor to talk to is told at once, with what it has and what to add', async () => {
  for (const [options, seen] of [
    ['-qmp tcp:127.0.0.1:$((port + 100)),server,nowait', 'a QMP monitor'],
    ['-monitor stdio', 'a monitor on stdio'],
    ['-serial mon:tcp:127.0.0.1:$((port + 100)),server,nowait', 'a monitor on mon:tcp:'],
    ['-chardev null,id=c', 'none but the one on its console'],
  ] as const) {
    const error: unknown = await statusOf(`exec ${qemu} ${options} </dev/zero`).catch(
      (each: unknown) => each,
    );
    expect(String(error)).toContain(
      `opens no human monitor that a program can connect to: its command line has ${seen}`,
    );
    expect(String(error)).toContain('E2E_MONITOR=');
    let cause: unknown = error;
    while (cause instanceof Error && !(cause instanceof NoMonitorError)) cause = cause.cause;
    expect(cause).toBeInstanceOf(NoMonitorError);
  }
});

test('E2E_MONITOR names a port or a socket, and nothing else', () => {
  const monitorOf = (value: string): unknown => readEnvironment({ E2E_MONITOR: value }).checkout.monitor;
  expect(monitorOf('127.0.0.1:1334')).toEqual({ host: '127.0.0.1', port: 1334 });
  expect(monitorOf('[::1]:1334')).toEqual({ host: '::1', port: 1334 });
  expect(monitorOf('unix:/tmp/a:b')).toEqual({ path: '/tmp/a:b' });
  expect(monitorOf('')).toBeUndefined();
  for (const wrong of ['1334', 'unix:', 'host:', '/tmp/socket', 'tcp:127.0.0.1:1334'])
    expect(() => monitorOf(wrong), wrong).toThrow(/E2E_MONITOR/);
});
