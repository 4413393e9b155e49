/**
 * Addresses for hosts that only the mesh knows, unique in it. Beside 240.240.0.0/16, from which each istiod gives
 * addresses to the ServiceEntries of its own cluster.
 */
const mostAddresses = 65_534;
const addressOf = (number: number) => `240.241.${number >> 8}.${number & 255}`;

/**
 * Gives each host an address: the one that it has in `present`, else the lowest one that is neither there nor in
 * `taken`. A host for which none is left is missing from the answer.
 */
export function allocateAddresses(
  hosts: readonly string[],
  present: ReadonlyMap<string, string>,
  taken: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const host of hosts) {
    const own = present.get(host);
    if (own !== undefined && !taken.has(own)) given.set(host, own);
  }
  const used = new Set([...taken, ...given.values()]);
  let next = 1;
  for (const host of hosts) {
    if (given.has(host)) continue;
    while (next <= mostAddresses && used.has(addressOf(next))) next++;
    if (next > mostAddresses) break;
    given.set(host, addressOf(next++));
  }
  return given;
}
