const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** A size for a reader: `4 KiB`, `1.5 GiB`, `128 TiB`. Three significant digits; `~` if that is not exact. */
export function formatBytes(bytes: bigint): string {
  let unit = 0;
  let scale = 1n;
  while (bytes >= scale * 1024n && unit < UNITS.length - 1) {
    scale *= 1024n;
    unit++;
  }
  const hundredths = (bytes * 100n) / scale;
  const amount = Number(hundredths) / 100;
  const shown = amount >= 100 ? amount.toFixed(0) : amount >= 10 ? amount.toFixed(1) : amount.toFixed(2);
  const trimmed = shown.includes('.') ? shown.replace(/\.?0+$/, '') : shown;
  const exact = Number(trimmed) * Number(scale) === Number(bytes);
  return `${exact ? '' : '~'}${trimmed} ${UNITS[unit] ?? ''}`;
}
