import type { ProxyNetwork } from "../contracts.ts";
import type { EndpointFacts } from "./assignment.ts";

/** Least time between two lookups, however short the configured rate. */
const leastRefresh = 1000;

/**
 * Keeps the host names of a DNS cluster resolved: reports the endpoints with addresses in place of names, at
 * first when every name was asked for once, then whenever something changed. A failed lookup keeps the last answer.
 * The returned function ends it.
 */
export function startResolving(
  endpoints: readonly EndpointFacts[],
  firstOnly: boolean,
  refresh: number,
  deps: { readonly network: ProxyNetwork; after(delay: number, action: () => void): () => void },
  report: (resolved: readonly EndpointFacts[]) => void,
): () => void {
  const answers = new Map<string, readonly string[]>();
  let last: string | undefined;
  let stopped = false;
  let cancel: () => void = () => {};

  async function round() {
    const names = [...new Set(endpoints.filter(({ isName }) => isName).map(({ address }) => address))];
    await Promise.all(
      names.map(async (name) => {
        const addresses = await deps.network.resolve(name).catch(() => []);
        if (addresses.length > 0) answers.set(name, firstOnly ? addresses.slice(0, 1) : addresses);
      }),
    );
    if (stopped) return;
    const resolved = endpoints.flatMap((endpoint) =>
      endpoint.isName
        ? (answers.get(endpoint.address) ?? []).map((address) => ({ ...endpoint, address, isName: false }))
        : [endpoint],
    );
    const text = JSON.stringify(resolved.map(({ address, port }) => [address, port]));
    if (text !== last) {
      last = text;
      report(resolved);
    }
    cancel = deps.after(Math.max(leastRefresh, refresh), () => void round());
  }

  void round();
  return () => {
    stopped = true;
    cancel();
  };
}
