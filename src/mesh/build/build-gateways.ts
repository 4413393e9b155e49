import type { Cluster, Gateway } from "../mesh.ts";
import type { WrittenCluster } from "../sections/cluster-section.ts";
import type { GatewaySwitch } from "../sections/gateways-section.ts";
import type { WrittenMesh } from "../sections/mesh-section.ts";
import { deepMerge } from "./deep-merge.ts";

/** The role that a gateway plays. */
export type GatewayKind = "ingress" | "eastwest" | "egress";

const defaultNames: Readonly<Record<GatewayKind, string>> = {
  ingress: "istio-ingressgateway",
  eastwest: "istio-eastwestgateway",
  egress: "istio-egressgateway",
};

/** An egress gateway is called from inside only. */
const defaultTypes = { ingress: "LoadBalancer", eastwest: "LoadBalancer", egress: "ClusterIP" } as const;

/** Istio's namespace; gateways are in it unless the file says otherwise. */
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
  const ingress = switches.ingress && gateway("ingress", switches.ingress);
  const eastwest = switches.eastwest && gateway("eastwest", switches.eastwest);
  const egress = switches.egress && gateway("egress", switches.egress);
  const shared = switches.ingress && switches.eastwest && sharedGateway(switches.ingress, switches.eastwest);
  return {
    ...((shared ?? ingress) ? { ingress: shared ?? ingress } : {}),
    ...((shared ?? eastwest) ? { eastwest: shared ?? eastwest } : {}),
    ...(egress ? { egress } : {}),
  } as Cluster["gateways"];
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

/** The field that makes an east-west gateway necessary in a cluster that says nothing about it. */
export function eastwestReason(mesh: WrittenMesh, name: string, cluster: WrittenCluster): string | undefined {
  if (networksOf(mesh).size > 1) {
    return cluster.network === undefined ? "discovery" : `clusters.${name}.network`;
  }
  const remote = remoteNeedingGateway(mesh, name);
  return remote === undefined ? undefined : `clusters.${remote}.primary`;
}

/** The networks of all workload clusters; with `discovery: exports` one without a network is its own. */
export function networksOf({ clusters = new Map(), discovery }: WrittenMesh): Set<string> {
  return new Set(
    [...clusters].flatMap(([name, { role, network = discovery === "exports" ? name : undefined }]) =>
      role === "management" || network === undefined ? [] : [network],
    ),
  );
}

/** A remote of `primary` that has to reach its control plane through a gateway. One that is peered has it mirrored. */
export function remoteNeedingGateway(
  { clusters = new Map(), peerings = [] }: WrittenMesh,
  primary: string,
): string | undefined {
  for (const [name, cluster] of clusters) {
    const peered = peerings.some(({ consumer, provider }) => consumer === primary && provider === name);
    if (name !== primary && cluster.primary === primary && !peered) return name;
  }
  return undefined;
}

function gateway(kind: GatewayKind, { fields, from }: Asked): Gateway {
  const { type = defaultTypes[kind], annotations = {}, ...service } = fields.service ?? {};
  return {
    name: fields.name ?? defaultNames[kind],
    namespace: fields.namespace ?? systemNamespace,
    port: fields.port ?? crossNetworkPort,
    service: { ...service, type, annotations } as Gateway["service"],
    from,
  };
}

/** One gateway for both when the names are equal and the namespaces don't say otherwise. */
function sharedGateway(ingress: Asked, eastwest: Asked): Gateway | undefined {
  const a = gateway("ingress", ingress);
  const b = gateway("eastwest", eastwest);
  if (a.name !== b.name) return undefined;
  const spaces = [ingress.fields.namespace, eastwest.fields.namespace].filter((one) => one !== undefined);
  if (new Set(spaces).size > 1) return undefined;
  const service = deepMerge({ ...ingress.fields.service }, { ...eastwest.fields.service });
  return gateway("eastwest", {
    from: eastwest.from,
    fields: {
      ...eastwest.fields,
      service,
      ...(spaces[0] === undefined ? {} : { namespace: spaces[0] }),
    } as GatewaySwitch,
  });
}
