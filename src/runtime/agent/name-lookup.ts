import type { NameTable } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";

/** Finds a host's addresses in discovery's name table, as a pod of `namespace` would write the host. */
export type NameLookup = (host: string) => readonly string[] | undefined;

/**
 * Looks names up in the present table. Names of Kubernetes Services may be shortened (reviews, reviews.sample,
 * reviews.sample.svc), as a pod's search path allows; "*.example.com" stands for every name below.
 */
export function createNameLookup(table: () => NameTable | undefined, namespace: string): NameLookup {
  let indexed: NameTable | undefined;
  let index = new Map<string, readonly string[]>();
  return (host) => {
    const current = table();
    if (current === undefined) return undefined;
    if (current !== indexed) {
      index = indexOf(current, namespace);
      indexed = current;
    }
    const name = host.toLowerCase().replace(/\.$/, "");
    const found = index.get(name);
    if (found !== undefined) return found;
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const wildcard = index.get(`*${name.slice(dot)}`);
      if (wildcard !== undefined) return wildcard;
    }
    return undefined;
  };
}

function indexOf({ table }: NameTable, namespace: string): Map<string, readonly string[]> {
  const index = new Map<string, readonly string[]>();
  // Full names first: a short form never hides one.
  for (const [host, { ips }] of Object.entries(table)) index.set(host.toLowerCase(), ipv4(ips));
  for (const { ips, registry, shortname, namespace: own } of Object.values(table)) {
    if (registry !== "Kubernetes" || shortname === "" || own === "") continue;
    const forms = [`${shortname}.${own}`, `${shortname}.${own}.svc`];
    if (own === namespace) forms.push(shortname);
    for (const form of forms) if (!index.has(form)) index.set(form, ipv4(ips));
  }
  return index;
}

function ipv4(addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => !address.includes(":"));
}
