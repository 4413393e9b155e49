/** Address ranges of one cluster, in CIDR form. None overlaps with another cluster's. */
export interface AddressRanges {
  /** Everything below; what a virtual network is made with. */
  readonly all: string;
  readonly nodes: string;
  readonly services: string;
  readonly pods: string;
}

/** What is cut out of 10.0.0.0/8 for each cluster: a /13, of which there are 32. */
export const mostClusters = 32;

/**
 * A number for each cluster, by which its ranges are cut. Clusters that have one already keep it, whatever has changed in
 * the mesh file since: what was created can't be renumbered.
 */
export function allotNumbers(
  clusters: readonly string[],
  before: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> {
  const numbers = new Map([...before].filter(([, number]) => number >= 0 && number < mostClusters));
  const taken = new Set(numbers.values());
  for (const cluster of clusters) {
    if (numbers.has(cluster)) continue;
    const free = Array.from({ length: mostClusters }, (_, number) => number).find((one) => !taken.has(one));
    if (free === undefined) continue;
    numbers.set(cluster, free);
    taken.add(free);
  }
  return numbers;
}

/** The ranges of a number below `mostClusters`. */
export function rangesOf(number: number): AddressRanges {
  const first = number * 8;
  return {
    all: `10.${first}.0.0/13`,
    nodes: `10.${first}.0.0/16`,
    services: `10.${first + 1}.0.0/16`,
    pods: `10.${first + 4}.0.0/14`,
  };
}

/** An address of a range that ends in .0.0: 10.9.0.0/16 and 10 give 10.9.0.10. */
export function addressIn(range: string, last: number): string {
  return range.replace(/\.0\/\d+$/, `.${last}`);
}
