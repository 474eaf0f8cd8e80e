/**
 * Splits a value at its commas; two of them stand for one that belongs to the text (QEMU's util/qemu-option.c). The parts are as they
 * were written: joining them with commas gives the value again.
 */
export function partsOf(value: string): string[] {
  const parts: string[] = [];
  let current = '';
  for (let at = 0; at < value.length; at += 1) {
    if (value[at] !== ',') current += value[at] ?? '';
    else if (value[at + 1] === ',') {
      current += ',,';
      at += 1;
    } else {
      parts.push(current);
      current = '';
    }
  }
  return [...parts, current];
}

/** The last of `name=…` among the parts; `on` where the name stands alone, `off` for `noNAME`. */
export function property(parts: readonly string[], name: string): string | undefined {
  for (const part of parts.toReversed()) {
    if (part.startsWith(`${name}=`)) return part.slice(name.length + 1).replaceAll(',,', ',');
    if (part === name) return 'on';
    if (part === `no${name}`) return 'off';
  }
  return undefined;
}

export function isOn(parts: readonly string[], name: string): boolean {
  return /^(on|yes|true|y)$/.test(property(parts, name) ?? 'off');
}

/** A value that is JSON, as -device, -netdev and others take it; undefined for the other syntax. */
export function jsonOf(value: string): Record<string, unknown> | undefined {
  if (!value.startsWith('{')) return undefined;
  try {
    return JSON.parse(value) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The driver that a -device names, in either syntax. */
export function driverOf(device: string): string | undefined {
  const json = jsonOf(device);
  if (json) return typeof json.driver === 'string' ? json.driver : undefined;
  return property(partsOf(device), 'driver') ?? partsOf(device)[0];
}
