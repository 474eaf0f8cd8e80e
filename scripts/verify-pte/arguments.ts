import { parseArgs } from 'node:util';

import type { MonitorEndpoint } from '../../lib/monitor/index.js';

/** The command line is wrong; the message is the whole of what the user sees. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Whose page tables are to be walked. */
export type Choice =
  | { readonly by: 'cpu'; readonly cpu: number }
  | { readonly by: 'cr3'; readonly cr3: bigint }
  | { readonly by: 'process'; readonly process: number | string };

export interface Arguments {
  readonly endpoint: MonitorEndpoint;
  readonly address: bigint;
  readonly choice: Choice;
  /** Files with what is known of the guest's kernel. */
  readonly kernelFiles: Readonly<Partial<Record<'kallsyms' | 'systemMap' | 'btf' | 'vmlinux', string>>>;
  readonly json: boolean;
  readonly svg: string | undefined;
}

const options = {
  pid: { type: 'string' },
  name: { type: 'string' },
  cr3: { type: 'string' },
  cpu: { type: 'string' },
  kallsyms: { type: 'string' },
  'system-map': { type: 'string' },
  btf: { type: 'string' },
  vmlinux: { type: 'string' },
  json: { type: 'boolean' },
  svg: { type: 'string' },
  host: { type: 'string' },
  unix: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * @returns `help` if that is asked for
 * @throws UsageError with what is wrong and what would be right
 */
export function parseArguments(argv: readonly string[]): Arguments | 'help' {
  const { values, positionals } = split(argv);
  if (values.help === true) return 'help';
  const [port, address, ...more] = values.unix === undefined ? positionals : [undefined, ...positionals];
  if (address === undefined) {
    throw new UsageError(
      'Two arguments are needed, <monitor_port> and <virtual_address> (with --unix only the address); --help shows an overview.',
    );
  }
  if (more.length > 0)
    throw new UsageError(`Too many arguments: ${more.join(' ')}; --help shows an overview.`);
  const { kallsyms, btf, vmlinux, 'system-map': systemMap } = values;
  const choice = chosen(values);
  const kernelFiles = defined({ kallsyms, systemMap, btf, vmlinux });
  if (choice.by !== 'process' && Object.keys(kernelFiles).length > 0) {
    throw new UsageError(
      '--kallsyms, --system-map, --btf and --vmlinux serve to find a process, and none is named: name it with --pid or --name.',
    );
  }
  return {
    endpoint: endpointOf(port, values),
    address: canonical(hexNumber(address, 'The virtual address')),
    choice,
    kernelFiles,
    json: values.json ?? false,
    svg: values.svg,
  };
}

function split(argv: readonly string[]): {
  values: {
    [Name in keyof typeof options]?: (typeof options)[Name]['type'] extends 'boolean' ? boolean : string;
  };
  positionals: string[];
} {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const [problem = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new UsageError(`${problem}; --help shows an overview.`, { cause: error });
  }
}

interface ChoiceValues {
  readonly pid?: string;
  readonly name?: string;
  readonly cr3?: string;
  readonly cpu?: string;
}

function chosen({ pid, name, cr3, cpu }: ChoiceValues): Choice {
  const given = Object.entries({ pid, name, cr3, cpu }).flatMap(([option, value]) =>
    value === undefined ? [] : [option],
  );
  if (given.length > 1) {
    throw new UsageError(
      `--${given.join(' and --')} exclude each other: each says whose page tables to walk. Give one.`,
    );
  }
  if (pid !== undefined) return { by: 'process', process: wholeNumber(pid, '--pid', 1, 4 << 20) };
  if (name !== undefined) {
    if (name === '') throw new UsageError('--name needs the name of a process.');
    return { by: 'process', process: Buffer.from(name).subarray(0, 15).toString() };
  }
  if (cr3 !== undefined) return { by: 'cr3', cr3: hexNumber(cr3, '--cr3') };
  return { by: 'cpu', cpu: cpu === undefined ? 0 : wholeNumber(cpu, '--cpu', 0, 4095) };
}

function endpointOf(
  port: string | undefined,
  { unix, host }: { unix?: string; host?: string },
): MonitorEndpoint {
  if (unix === undefined) {
    const endpoint = { port: wholeNumber(port ?? '', 'The monitor port', 1, 65_535) };
    return host === undefined ? endpoint : { ...endpoint, host };
  }
  if (unix === '' || host !== undefined) {
    throw new UsageError('--unix needs the path of a socket of this host, and no --host.');
  }
  return { path: unix };
}

function wholeNumber(text: string, what: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(`${what} must be a number from ${least} to ${most}, not ${JSON.stringify(text)}.`);
  }
  return value;
}

function hexNumber(text: string, what: string): bigint {
  if (!/^(0x)?[0-9a-f]{1,16}$/i.test(text)) {
    throw new UsageError(
      `${what} must be a hexadecimal number of at most 64 bits such as 0x7f1234567000, not ${JSON.stringify(text)}.`,
    );
  }
  return BigInt(`0x${text.replace(/^0x/i, '')}`);
}

/** What no depth of page tables translates is refused before a VM is looked for; the rest depends on the VM's CR4.LA57. */
function canonical(address: bigint): bigint {
  if (BigInt.asUintN(64, BigInt.asIntN(57, address)) === address) return address;
  throw new UsageError(
    `0x${address.toString(16)} is not a canonical virtual address: bits 63:47 must all be equal (63:56 with five-level paging). Is a digit missing or too many?`,
  );
}

function defined<T extends Record<string, string | undefined>>(values: T): Partial<Record<keyof T, string>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Record<keyof T, string>
  >;
}
