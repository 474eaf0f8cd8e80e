/** What a check of the host found. */
export type Finding =
  | { readonly state: 'ready'; readonly seen: string }
  /** Nothing works without it. */
  | { readonly state: 'missing'; readonly seen: string; readonly remedy: string }
  /** It works without, only slower or with less. */
  | { readonly state: 'optional'; readonly seen: string; readonly remedy: string };

/** Something that a stack needs of the host. */
export interface Check {
  /** What is checked, such as `QEMU`. */
  readonly name: string;
  readonly look: () => Promise<Finding>;
}

export interface Result {
  readonly name: string;
  readonly finding: Finding;
}

/** Does the checks one after the other, in the order in which a person would fix what they find; one that fails is a finding. */
export async function runChecks(checks: readonly Check[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const { name, look } of checks) results.push({ name, finding: await look().catch(broken) });
  return results;
}

function broken(error: unknown): Finding {
  const seen = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  return {
    state: 'missing',
    seen: `the check itself failed: ${seen}`,
    remedy: 'See the message; it names what the host refused.',
  };
}

export function ready(seen: string): Finding {
  return { state: 'ready', seen };
}

export function missing(seen: string, remedy: string): Finding {
  return { state: 'missing', seen, remedy };
}

export function optional(seen: string, remedy: string): Finding {
  return { state: 'optional', seen, remedy };
}

/** A stack can run when nothing that it cannot do without is missing. */
export function canRun(results: readonly Result[]): boolean {
  return results.every(({ finding }) => finding.state !== 'missing');
}
