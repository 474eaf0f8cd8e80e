import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

import { missingParts } from '../../lib/bochs/index.js';
import { processesWithTag } from '../unit/machine/support/traces.js';
import { type Resumed, standIn } from './support/resume.js';

const run = promisify(execFile);

// A process of its own, a VM, and perhaps its first boot.
test.describe.configure({ timeout: 240_000 });

for (const { how, input, end } of [
  { how: 'the end of its input', input: 'pipe', end: ({ child }: Resumed) => void child.stdin?.end() },
  { how: 'SIGTERM', input: 'ignore', end: ({ child }: Resumed) => void child.kill('SIGTERM') },
  { how: 'Ctrl-C', input: 'pipe', end: ({ child }: Resumed) => void child.kill('SIGINT') },
] as const) {
  test(`npm run vm gives a VM to stand in, of which ${how} leaves nothing`, async () => {
    const vm = await standIn('scripts/vm.ts', ['--memory', '512m'], {}, input);
    const { child, said, lineOf, stderr, tag } = vm;
    try {
      expect(said).toContain('The reference machine is up');
      expect(child.exitCode, 'it waits').toBeNull();
      // As somebody would type it.
      const ssh = await run('sh', ['-c', `${lineOf('ssh')} 'grep MemTotal /proc/meminfo'`]);
      expect(Number(/(\d+) kB/.exec(ssh.stdout)?.[1])).toBeLessThan(512 * 1024);
      const port = / (\d+)$/.exec(lineOf('monitor'))?.[1];
      expect(lineOf('walk')).toBe(`npm run verify-pte -- ${port ?? ''} ADDRESS --pid PID`);
    } finally {
      end(vm);
      if (child.exitCode === null) await once(child, 'exit');
    }
    expect(child.exitCode, await stderr).toBe(0);
    await expect.poll(() => processesWithTag(tag), 'nothing is left of it').toEqual([]);
  });
}

test('in a terminal npm run vm gives a shell in the guest, whose end is its own', async () => {
  const command = `${process.execPath} --import tsx scripts/vm.ts`;
  // A terminal of its own; what is typed comes to it at once, and waits there for the shell.
  const typed = execFile('script', ['-qec', command, '/dev/null'], { maxBuffer: 1 << 24 });
  let said = '';
  typed.stdout?.on('data', (chunk: string) => {
    said += chunk;
  });
  await expect.poll(() => said, { timeout: 120_000 }).toContain('The end of this shell ends it.');
  typed.stdin?.write('echo "it is $(hostname -s)$((40 + 2))"; exit\n');
  const [exitCode] = (await once(typed, 'exit')) as [number];
  expect(said).toMatch(/it is \S*42/);
  expect(exitCode, said).toBe(0);
});

test('npm run vm -- --stack ept says what Bochs has not, and gives a shell by the serial line', async () => {
  test.skip((await missingParts()).length > 0, 'Bochs is not installed here');
  const typed = run(process.execPath, ['--import', 'tsx', 'scripts/vm.ts', '--stack', 'ept']);
  // The shell has its state from line to line, and a mistake is said where it was made.
  typed.child.stdin?.end('x=6\ngrep -c vmx /proc/cpuinfo\necho $((x * 7))\nno-such-command\nexit 3\n');
  const { stdout } = await typed;
  expect(stdout).toContain('no ports, for ssh, a monitor, gdb or a walk');
  expect(stdout).toMatch(/Ctrl-C ends it\.\n[1-9]\n42\n\S+ no-such-command: not found\n$/);
});

for (const { stack, variable } of [
  { stack: 'hybrid', variable: 'E2E_KERNEL' },
  { stack: 'opentdx', variable: 'OPENTDX_ROOT' },
]) {
  test(`npm run vm -- --stack ${stack} without ${variable} says what to set`, async () => {
    const env = { ...process.env, [variable]: '' };
    const ended = run(process.execPath, ['--import', 'tsx', 'scripts/vm.ts', '--stack', stack], { env });
    await expect(ended).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(`^The stack '${stack}' needs .*: set ${variable} to .*\n$`),
    });
  });
}
