import type { Cluster, Gateway } from "../mesh.ts";
import type { WrittenCluster } from "../sections/cluster-section.ts";
import type { GatewaySwitch } from "../sections/gateways-section.ts";
import type { WrittenMesh } from "../sections/mesh-section.ts";
import { deepMerge } from "./deep-merge.ts";
import { consumerOf, networkOf } from "./peering-of.ts";

/** The role that a gateway plays. */
export type GatewayKind = "ingress" | "eastwest" | "egress";

const defaultNames: Readonly<Record<GatewayKind, string>> = {
  ingress: "istio-ingressgateway",
  eastwest: "istio-eastwestgateway",
  egress: "istio-egressgateway",
};

/** An egress gateway is called from inside only. */
const defaultTypes = { ingress: "LoadBalancer", eastwest: "LoadBalancer", egress: "ClusterIP" } as const;

/** Istio's namespace; gateways are in it unless the file says otherwise or they are a provider's. */
export const systemNamespace = "istio-system";
/** Istio's own port for traffic between networks. */
const crossNetworkPort = 15_443;

/** The gateways of cluster `name`. A management cluster has none. */
export function buildGateways(mesh: WrittenMesh, name: string, cluster: WrittenCluster): Cluster["gateways"] {
  if (cluster.role === "management") return {};
  const switches = {
    ingress: gatewaySwitch("ingress", mesh, name, cluster),
    eastwest: gatewaySwitch("eastwest", mesh, name, cluster),
    egress: gatewaySwitch("egress", mesh, name, cluster),
  };
  const namespace = usualNamespace(mesh, name);
  const make = (kind: GatewayKind, asked: Asked | undefined) => asked && gateway(kind, asked, namespace);
  const ingress = make("ingress", switches.ingress);
  const eastwest = make("eastwest", switches.eastwest);
  const egress = make("egress", switches.egress);
  const shared =
    switches.ingress && switches.eastwest && sharedGateway(switches.ingress, switches.eastwest, namespace);
  return {
    ...((shared ?? ingress) ? { ingress: shared ?? ingress } : {}),
    ...((shared ?? eastwest) ? { eastwest: shared ?? eastwest } : {}),
    ...(egress ? { egress } : {}),
  } as Cluster["gateways"];
}

/** All of a provider's gateways are applied in its consumer, so their namespace names the cluster where their pods run. */
function usualNamespace(mesh: WrittenMesh, name: string): string {
  return consumerOf(mesh, name) === undefined ? systemNamespace : `istio-ingress-${name}`;
}

interface Asked {
  readonly fields: GatewaySwitch;
  readonly from: string;
}

/** What is asked for, the cluster's own over the mesh-wide; undefined when the gateway is off. */
function gatewaySwitch(
  kind: GatewayKind,
  mesh: WrittenMesh,
  name: string,
  cluster: WrittenCluster,
): Asked | undefined {
  const wide = mesh.gateways?.[kind];
  const own = cluster.gateways?.[kind];
  const from = own === undefined ? `gateways.${kind}` : `clusters.${name}.gateways.${kind}`;
  const fields = own === undefined ? wide : { ...deepMerge({ ...wide }, { ...own }), on: own.on };
  if (fields !== undefined) return fields.on ? { fields: fields as GatewaySwitch, from } : undefined;
  const reason = kind === "eastwest" ? eastwestReason(mesh, name, cluster) : undefined;
  return reason === undefined ? undefined : { fields: { on: true }, from: reason };
}

/**
 * The field that makes an east-west gateway necessary in a cluster that says nothing about it. A provider needs none:
 * its consumer's passes on to its pods too.
 */
export function eastwestReason(mesh: WrittenMesh, name: string, cluster: WrittenCluster): string | undefined {
  if (consumerOf(mesh, name) !== undefined) return undefined;
  if (networksOf(mesh).size > 1) {
    return cluster.network === undefined ? "discovery" : `clusters.${name}.network`;
  }
  const remote = remoteNeedingGateway(mesh, name);
  return remote === undefined ? undefined : `clusters.${remote}.primary`;
}

/** The networks of all workload clusters. */
export function networksOf(mesh: WrittenMesh): Set<string> {
  return new Set(
    [...(mesh.clusters ?? [])].flatMap(([name, { role }]) => {
      const network = role === "management" ? undefined : networkOf(mesh, name);
      return network === undefined ? [] : [network];
    }),
  );
}

/** A remote of `primary` that has to reach its control plane through a gateway. One that is peered has it mirrored. */
export function remoteNeedingGateway(mesh: WrittenMesh, primary: string): string | undefined {
  for (const [name, cluster] of mesh.clusters ?? []) {
    if (name !== primary && cluster.primary === primary && consumerOf(mesh, name) === undefined) return name;
  }
  return undefined;
}

function gateway(kind: GatewayKind, { fields, from }: Asked, usualNamespace: string): Gateway {
  const { type = defaultTypes[kind], annotations = {}, ...service } = fields.service ?? {};
  return {
    name: fields.name ?? defaultNames[kind],
    namespace: fields.namespace ?? usualNamespace,
    port: fields.port ?? crossNetworkPort,
    service: { ...service, type, annotations } as Gateway["service"],
    from,
  };
}

/** One gateway for both when the names are equal and the namespaces don't say otherwise. */
function sharedGateway(ingress: Asked, eastwest: Asked, namespace: string): Gateway | undefined {
  const a = gateway("ingress", ingress, namespace);
  const b = gateway("eastwest", eastwest, namespace);
  if (a.name !== b.name) return undefined;
  const spaces = [ingress.fields.namespace, eastwest.fields.namespace].filter((one) => one !== undefined);
  if (new Set(spaces).size > 1) return undefined;
  const service = deepMerge({ ...ingress.fields.service }, { ...eastwest.fields.service });
  const fields = { ...eastwest.fields, service } as GatewaySwitch;
  return gateway("eastwest", { from: eastwest.from, fields }, spaces[0] ?? namespace);
}
