/** A kernel's configuration: options by their name without `CONFIG_`; what is off is not in it. */
export type KernelConfig = ReadonlyMap<string, string>;

/** Reads a .config. */
export function parseConfig(text: string): KernelConfig {
  return new Map(
    [...text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value] as const),
  );
}
