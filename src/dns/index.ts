/**
 * dns: names as pods of one cluster see them.
 *
 * createClusterDns answers from Services and EndpointSlices, with Kubernetes' search path, and asks the machine's
 * own resolver for everything that is not the cluster's. startDnsServer puts any such source on UDP and TCP, as
 * every pod has it.
 *
 * Knows nothing of the mesh: names that only the mesh has come to a pod with its sidecar's name table.
 */
export {
  type ClusterDns,
  type ClusterDnsOptions,
  createClusterDns,
  type DnsAnswer,
  type DnsRecord,
  searchPath,
  shuffled,
} from "./cluster-dns.ts";
export { createHostResolver, type HostResolver } from "./host-resolver.ts";
export { type DnsQuestion, recordTypes } from "./message.ts";
export { type DnsServerOptions, startDnsServer } from "./server.ts";
