/**
 * Compares two Debian versions as dpkg does (deb-version(7), "Sorting algorithm"): negative when `a` is the older one, 0 when they are
 * equal, positive when it is the newer one.
 */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [partsOf(a), partsOf(b)];
  return (
    first.epoch - second.epoch ||
    comparePart(first.upstream, second.upstream) ||
    comparePart(first.revision, second.revision)
  );
}

function partsOf(version: string): { epoch: number; upstream: string; revision: string } {
  const [, epoch = '0', upstream = '', revision = ''] = /^(?:(\d+):)?(.*?)(?:-([^-]*))?$/.exec(version) ?? [];
  return { epoch: Number(epoch), upstream, revision };
}

/** Runs of other characters and runs of digits in turn, beginning with the former, which may be empty. */
function comparePart(a: string, b: string): number {
  const [first, second] = [runsOf(a), runsOf(b)];
  for (let index = 0; index < Math.max(first.length, second.length); index += 1) {
    const [left = '', right = ''] = [first[index], second[index]];
    const difference = index % 2 === 0 ? compareText(left, right) : Number(left) - Number(right);
    if (difference !== 0) return difference;
  }
  return 0;
}

function runsOf(part: string): string[] {
  return [...part.matchAll(/(\D*)(\d*)/g)].flatMap(([, text = '', digits = '']) => [text, digits]);
}

function compareText(a: string, b: string): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = rankOf(a[index]) - rankOf(b[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A tilde comes before the end, letters before all else. */
function rankOf(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
