import { create } from "@bufbuild/protobuf";
import { type NameTable, NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import { unionOfServices } from "./merge-services.ts";
import { isIp } from "./names.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import { addressesFor, type MeshService, unspecified } from "./services.ts";
import type { WorkloadEndpoint } from "./workload-endpoints.ts";
import { endpointsOf, type World } from "./world.ts";

interface Entry {
  readonly ips: string[];
  registry: string;
  shortname: string;
  namespace: string;
}

/** The names that a proxy's DNS answers, with the addresses of the proxy's own cluster. Routers get none. */
export function nameTable(world: World, scope: Scope, proxy: ProxyNode): NameTable {
  const table: Record<string, Entry> = {};
  const services = unionOfServices(scope.egress.map((listener) => listener.services));
  for (const service of proxy.type === "sidecar" ? services : []) {
    const addresses = addressesFor(service, proxy);
    const isHeadless = addresses.includes(unspecified);
    if (isHeadless && service.resolution === "passthrough" && service.ports.length > 0)
      addPods(table, world, service, proxy);
    add(table, service, isHeadless ? podAddresses(world, service, proxy) : addresses.filter(isIp));
  }
  return create(NameTableSchema, { table });
}

function add(table: Record<string, Entry>, service: MeshService, ips: readonly string[]): void {
  if (ips.length === 0) return;
  const isKubernetes = service.registry === "Kubernetes";
  const known = table[service.host];
  if (known !== undefined && known.registry === "Kubernetes") return;
  if (known !== undefined && !isKubernetes) {
    known.ips.push(...ips);
    return;
  }
  table[service.host] = {
    ips: [...ips],
    registry: service.registry,
    shortname: isKubernetes ? service.name : "",
    namespace: isKubernetes ? service.namespace : "",
  };
}

/** Endpoints that a headless Service's name stands for: ready ones of the own cluster and network, as Kubernetes' DNS has it. */
function podAddresses(world: World, service: MeshService, proxy: ProxyNode): string[] {
  if (service.resolution !== "passthrough") return [];
  return [
    ...new Set(
      candidates(world, service, proxy)
        .filter(({ clusterId }) => clusterId === proxy.clusterId)
        .map(({ address }) => address),
    ),
  ];
}

function candidates(world: World, service: MeshService, proxy: ProxyNode): WorkloadEndpoint[] {
  return endpointsOf(world, service).endpoints.filter(
    ({ address, health, network }) =>
      isIp(address) &&
      (service.publishNotReady || health === "healthy") &&
      (network === "" || proxy.network === "" || network === proxy.network),
  );
}

/** Names of single pods of a StatefulSet: "mysql-0.mysql.default.svc.cluster.local"; the own cluster's before others'. */
function addPods(table: Record<string, Entry>, world: World, service: MeshService, proxy: ProxyNode): void {
  const domain = service.host.slice(service.host.indexOf(".") + 1);
  const remote = new Map<string, Set<string>>();
  const local = new Map<string, Set<string>>();
  for (const { hostname, subdomain, clusterId, address } of candidates(world, service, proxy)) {
    if (subdomain === "" || hostname === "") continue;
    const group = clusterId === proxy.clusterId ? local : remote;
    const short = `${hostname}.${subdomain}`;
    group.set(short, (group.get(short) ?? new Set()).add(address));
  }
  for (const [short, ips] of [...remote, ...local]) {
    table[`${short}.${domain}`] = {
      ips: [...ips],
      registry: service.registry,
      shortname: short,
      namespace: service.namespace,
    };
  }
}
