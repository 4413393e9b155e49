import type { ServiceEntry } from "../../discovery/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named, reference } from "../object-reference.ts";

/** Hosts of ServiceEntries that share an address and a port: a TCP connection to it can be for either. */
export const checkAddressClash: Find = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkOne);

function checkOne(cluster: ClusterView): Finding[] {
  const claimed = new Map<string, ServiceEntry>();
  return cluster.serviceEntries.flatMap((entry) => {
    const { addresses = [], ports = [], hosts = [] } = entry.spec;
    return addresses.flatMap((address, i): Finding[] => {
      const clash = ports
        .map(({ number }) => claimed.get(`${address} ${number}`))
        .find((other) => other !== undefined && !sameHosts(other, entry));
      for (const { number } of ports)
        if (!claimed.has(`${address} ${number}`)) claimed.set(`${address} ${number}`, entry);
      if (clash === undefined) return [];
      return [
        findingAbout(cluster, entry, `spec.addresses[${i}]`, {
          code: "service-entry/address-clash",
          severity: "warning",
          effect: `connections to ${hosts[0] ?? address} may be taken for ones to ${clash.spec.hosts?.[0] ?? "another host"}, unless they are HTTP`,
          cause: `${named(clash)} and ${named(entry)} of ${cluster.name} have the address ${address} and a port in common`,
          seen: address,
          others: [reference(cluster, clash)],
          fix: "give each host an address of its own, or leave spec.addresses out: each host then gets one",
        }),
      ];
    });
  });
}

function sameHosts(a: ServiceEntry, b: ServiceEntry): boolean {
  return JSON.stringify(a.spec.hosts) === JSON.stringify(b.spec.hosts);
}
