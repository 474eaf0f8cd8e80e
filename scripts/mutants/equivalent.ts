/**
 * Mutants that do the same as the driver, by their titles, and why: nothing that a guest does can tell them apart. What some guest could
 * see, though no spec does, is no equivalent.
 */
export const equivalent: Readonly<Record<string, string>> = {};
