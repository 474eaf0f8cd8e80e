/**
 * A harness that owns what a run owns: processes that change their session and their environment's owner, a QEMU without a guest,
 * folders in two places, a lease. Prints each thing's trace as soon as it may exist, then does what the first argument says:
 *
 * - `wait`: nothing, to be killed
 * - `throw`, `exit`, `end`: ends by an exception, by process.exit, or after stopping everything
 */
import { acquireLease } from '../../../../lib/host/lease/index.js';
import { createRunFolder, ownHelper, ownProcess } from '../../../../lib/machine/ownership/index.js';
import { spawn } from 'node:child_process';

const [ending = 'wait', tag = 'untagged', qemu = ''] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

say('begin');
await acquireLease(`spec/${tag}`);
const folder = await createRunFolder({ prefix: 'vm' });
const inMemory = await createRunFolder({ prefix: 'ram', parent: '/dev/shm' });
say(`folder ${folder.path}`);
say(`folder ${inMemory.path}`);

const stop = { termMs: 200 };
const owned = [
  await ownProcess({
    title: 'plain',
    command: 'sleep',
    args: ['100000'],
    env: { TAG: tag },
  }),
  await ownProcess({
    title: 'stubborn family',
    command: 'sh',
    args: [
      '-c',
      // What ignores SIGTERM, what leaves the session, and what loses its environment as under sudo.
      `trap "" TERM; setsid sleep 100001 & env -i TAG=${tag} sleep 100002 & setsid env -i TAG=${tag} sleep 100006 & (trap "" TERM; sleep 100003; sleep 100004) & wait; wait`,
    ],
    env: { TAG: tag },
    stop,
  }),
];
if (qemu !== '') {
  owned.push(
    await ownProcess({
      title: 'qemu',
      command: qemu,
      args: ['-machine', 'q35', '-accel', 'tcg', '-display', 'none', '-nodefaults', '-serial', 'stdio'],
      env: { TAG: tag },
    }),
  );
}
for (const { stdout, stderr } of owned) {
  stdout.resume();
  stderr.resume();
}
void ownHelper(
  (env) =>
    new Promise((resolve) => spawn('sleep', ['100005'], { env: { ...env, TAG: tag } }).on('exit', resolve)),
);
say('ready');

if (ending === 'throw') throw new Error('on purpose');
if (ending === 'exit') process.exit(3);
if (ending === 'end') {
  await Promise.all(owned.map((each) => each.stop()));
  await folder.remove();
  await inMemory.remove();
  process.exit(0);
}
setInterval(() => undefined, 1_000);
