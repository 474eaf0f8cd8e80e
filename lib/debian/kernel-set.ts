import { compareVersions } from './version.js';

/** What a guest's kernel and its modules are built from: parts that must be of one version. */
export const kernelParts = ['image', 'headers', 'headers-common', 'kbuild', 'source'] as const;
export type KernelPart = (typeof kernelParts)[number];

/** A package that the index holds. */
export interface IndexedPackage {
  readonly name: string;
  readonly version: string;
}

/** A kernel of which everything is there in one version. */
export interface KernelSet {
  readonly version: string;
  /** The packages' names, which hold the kernel's release. */
  readonly names: Readonly<Record<KernelPart, string>>;
  /** Newer versions that are not whole, newest first, and what each lacks. */
  readonly passedOver: readonly IncompleteVersion[];
}

export interface IncompleteVersion {
  readonly version: string;
  readonly lacks: readonly KernelPart[];
}

/**
 * The newest version of a kernel series for which the index holds every part. Debian publishes a source days before its image, and keeps
 * some older versions of each package.
 *
 * @param series as in `linux-source-6.1`
 * @param index every version of every package whose name begins as {@link kernelPackagePrefixes} says
 * @returns the set, or all that was found incomplete
 */
export function newestKernelSet(
  series: string,
  index: readonly IndexedPackage[],
): KernelSet | { readonly passedOver: readonly IncompleteVersion[] } {
  const patterns = partPatterns(series);
  const found = new Map<string, Partial<Record<KernelPart, string>>>();
  for (const { name, version } of index) {
    const part = kernelParts.find((each) => patterns[each].test(name));
    if (part !== undefined) found.set(version, { ...found.get(version), [part]: name });
  }
  const passedOver: IncompleteVersion[] = [];
  for (const [version, names] of [...found].sort(([a], [b]) => compareVersions(b, a))) {
    const lacks = kernelParts.filter((part) => names[part] === undefined);
    if (lacks.length === 0) return { version, names: names as Record<KernelPart, string>, passedOver };
    passedOver.push({ version, lacks });
  }
  return { passedOver };
}

/** How the names of a series' packages begin. */
export function kernelPackagePrefixes(series: string): string[] {
  return ['image', 'headers', 'kbuild', 'source'].map((part) => `linux-${part}-${series}`);
}

/** Versions that were passed over, in one line. */
export function describePassedOver(versions: readonly IncompleteVersion[]): string {
  return versions.map(({ version, lacks }) => `${version} (no ${lacks.join(', ')})`).join('; ');
}

/** The plain amd64 flavour, signed: neither cloud nor rt, neither unsigned nor with debugging information. */
function partPatterns(series: string): Record<KernelPart, RegExp> {
  const escaped = series.replaceAll('.', String.raw`\.`);
  // 6.1.0-56, and since 6.12 as in 6.12.117+deb13.
  const release = String.raw`${escaped}(\.\d+)*(-\d+|\+deb\d+(\+\d+)?)`;
  return {
    image: new RegExp(`^linux-image-${release}-amd64$`),
    headers: new RegExp(`^linux-headers-${release}-amd64$`),
    'headers-common': new RegExp(`^linux-headers-${release}-common$`),
    kbuild: new RegExp(`^linux-kbuild-${escaped}$|^linux-kbuild-${release}$`),
    source: new RegExp(`^linux-source-${escaped}$`),
  };
}
