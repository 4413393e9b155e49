import type { MeshConfig, ServiceEntry } from "../../discovery/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { meshConfigOf } from "../view/mesh-config.ts";

/** TCP ports of ServiceEntries without an address: their connections can't be told from any other to that port. */
export const checkAddresses: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .filter((cluster) => !isAllocated(meshConfigOf(cluster)))
    .flatMap((cluster) => cluster.serviceEntries.flatMap((entry) => checkOne(entry, cluster)));

function checkOne(entry: ServiceEntry, cluster: ClusterView): Finding[] {
  const { addresses = [], ports = [], hosts = [] } = entry.spec;
  if (addresses.length > 0 || (entry.status?.addresses ?? []).length > 0) return [];
  return ports.flatMap(({ number, protocol = "" }, i): Finding[] => {
    if (protocol !== "" && protocol.toUpperCase() !== "TCP") return [];
    return [
      findingAbout(cluster, entry, `spec.ports[${i}]`, {
        code: "service-entry/address-needed",
        severity: "warning",
        effect: `every connection from the mesh to port ${number} counts as one to ${hosts[0] ?? "it"}, wherever it was to go`,
        cause: `${named(entry)} of ${cluster.name} has no address, and port ${number} is ${protocol === "" ? "of no protocol" : "TCP"}: only the port is left to tell connections apart`,
        seen: `${number} ${protocol}`,
        fix: "set spec.addresses, or let pods resolve names in the mesh (proxyMetadata ISTIO_META_DNS_CAPTURE and ISTIO_META_DNS_AUTO_ALLOCATE)",
      }),
    ];
  });
}

/** Whether sidecars answer DNS with addresses that are made up for each host. */
function isAllocated({ defaultConfig }: MeshConfig): boolean {
  const { proxyMetadata = {} } = defaultConfig as {
    readonly proxyMetadata?: Readonly<Record<string, unknown>>;
  };
  const isSet = (name: string) => String(proxyMetadata[name]) === "true";
  return (
    isSet("ISTIO_META_DNS_CAPTURE") &&
    (isSet("ISTIO_META_DNS_AUTO_ALLOCATE") || isSet("PILOT_ENABLE_IP_AUTOALLOCATE"))
  );
}
