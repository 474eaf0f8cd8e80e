/** A message of QEMU's or of a launch script's that names a cause, and the cause in plain words with the remedy. */
interface Cause {
  readonly pattern: RegExp;
  readonly says: (match: RegExpExecArray) => string;
}

/** Wordings of QEMU 7.2: net/slirp.c, util/qemu-sockets.c, accel/kvm/kvm-all.c, softmmu/physmem.c, hw/i386/x86.c. */
const causes: readonly Cause[] = [
  {
    pattern: /Could not set up host forwarding rule '\w+:([^']*?)-/,
    says: ([, port]) => `port ${port ?? ''} is occupied by another program (\`ss -ltnp\` names it)`,
  },
  {
    pattern:
      /Failed to (?:find an available port|bind socket)[^:]*: Address already in use|Address already in use/,
    says: () => 'a port is occupied by another program (`ss -ltnp` names it)',
  },
  {
    pattern: /Could not access KVM kernel module: (.*)/,
    says: ([, why]) =>
      why?.includes('Permission denied')
        ? "no permission on /dev/kvm: add the user to the group that owns it (usually 'kvm'), or use E2E_ACCEL=tcg"
        : `KVM cannot be used (/dev/kvm: ${why ?? ''}): load kvm_intel or kvm_amd, or use E2E_ACCEL=tcg`,
  },
  {
    pattern: /Failed to get (?:shared )?"?\w+"? lock/,
    says: () => 'the disk image is in use by another QEMU: end that one first',
  },
  {
    pattern: /sudo: (.*(?:password|terminal|not allowed|sudoers).*)/,
    says: () => 'sudo asks for a password, and nobody can type one: allow this user to use it without',
  },
  {
    pattern: /sudo: (?:command )?not found/,
    says: () => 'there is no sudo, by which the launch script runs its QEMU: apt-get install sudo',
  },
  {
    pattern: /No space left on device/,
    says: () => 'the disk is full (no space left on device)',
  },
  {
    pattern: /could not (?:open|load) (?:kernel|initrd)?\s*'?([^':]+)'?/i,
    says: ([, file]) => `it cannot read ${file ?? 'a file'}`,
  },
];

/** QEMU's lines about what it merely warns of. */
const warning = /: warning: |^\s*$/;

/** How QEMU begins a message; what it has to say besides (a hint, a list) follows on lines of their own. */
const ofQemu = /^\S*qemu\S*: /;

/**
 * The cause that the last messages of a process name, in plain words where they are known, else QEMU's last message that is no warning,
 * else the last line. Undefined when it said nothing.
 */
export function causeIn(messages: readonly string[]): string | undefined {
  const telling = messages.filter((line) => !warning.test(line));
  for (const { pattern, says } of causes) {
    for (const line of telling) {
      const match = pattern.exec(line);
      if (match) return `${says(match)}: ${withoutProgram(line)}`;
    }
  }
  const last = telling.findLast((line) => ofQemu.test(line)) ?? telling.at(-1);
  return last === undefined ? undefined : withoutProgram(last);
}

function withoutProgram(line: string): string {
  return line.replace(ofQemu, '').slice(0, 300);
}
