import { BlockList, isIP } from "node:net";
import { type PodNetwork, requestAsApp } from "../../runtime/index.ts";

const mostRedirects = 5;

/** Where clouds answer with a machine's credentials. Never asked on behalf of whoever may write an object. */
const linkLocal = ["169.254.0.0/16", "fe80::/10"];

/**
 * Fetches addresses that objects name, as istiod does from its pod; keys for tokens are at such. `blocked` are address
 * ranges that are never asked (BLOCKED_CIDRS_IN_JWKS_URIS), beside those of one link alone. A redirect counts as another
 * address.
 */
export function fetchAsIstiod(
  network: PodNetwork,
  blocked: readonly string[],
): (url: string, timeout: number) => Promise<string> {
  const forbidden = blockList([...linkLocal, ...blocked]);
  return async (from, timeout) => {
    let url = new URL(from);
    for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
      await refuseBlocked(url, network, forbidden);
      const { status, headers, body } = await requestAsApp(network, url, {
        timeout,
        headers: { accept: "application/json" },
      });
      if (status === 200) return body;
      if (headers.location === undefined || status < 300 || status > 399)
        throw new Error(`${url} answers ${status}`);
      url = new URL(headers.location, url);
    }
    throw new Error(`${from} redirects more than ${mostRedirects} times`);
  };
}

async function refuseBlocked(url: URL, network: PodNetwork, forbidden: BlockList): Promise<void> {
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new Error(`${url} is no http or https URL`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) === 0 ? await network.lookup(host) : [host];
  const found = addresses.find((address) => forbidden.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"));
  if (found !== undefined) throw new Error(`${url} is at ${found}, which is not asked`);
}

/** Ranges that can't be read block nothing: they are left out. */
function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix = ""] = range.trim().split("/");
    const family = isIP(address);
    const bits = Number(prefix);
    if (
      family === 0 ||
      prefix === "" ||
      !Number.isInteger(bits) ||
      bits < 0 ||
      bits > (family === 6 ? 128 : 32)
    )
      continue;
    list.addSubnet(address, bits, family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
