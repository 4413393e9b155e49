import {
  isJsonObject,
  type JsonObject,
  type KubeObject,
  type NamespaceOffloading,
  type ResourceSlice,
  type Service,
  systemNamespace,
  type VirtualNode,
} from "../kube/index.ts";
import { findExports, type HandMadeExport } from "./find-exports.ts";
import { type FoundGateway, findGateways, writtenAnnotations } from "./find-gateways.ts";
import { type FoundIstio, findIstio } from "./find-istio.ts";
import type { LiveCluster } from "./read-live.ts";

/** A cluster as it is found, with what the mesh file will call it. */
export interface FoundCluster {
  readonly name: string;
  readonly live: LiveCluster;
  readonly istio: FoundIstio | undefined;
  readonly role: "primary" | "remote" | "provider" | "management";
  readonly primary: string | undefined;
  /** Those whose pods run in it. */
  readonly gateways: readonly FoundGateway[];
}

/** A consumer's peering with a provider. */
export interface FoundPeering {
  readonly consumer: string;
  readonly provider: string;
  readonly resources: JsonObject;
  readonly namespaces: readonly { readonly name: string; readonly pods: string }[];
}

/** A mesh as it is found, before it is written down. */
export interface FoundMesh {
  readonly clusters: readonly FoundCluster[];
  readonly peerings: readonly FoundPeering[];
  readonly handMadeExports: readonly HandMadeExport[];
  readonly notes: readonly string[];
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Says which cluster is what to the others. */
export function findMesh(all: readonly LiveCluster[]): FoundMesh {
  const notes: string[] = [];
  const found = all.map((live) => ({ live, istio: findIstio(live) }));
  const names = new Map<LiveCluster, string>();
  for (const { live, istio } of found) {
    const id = istio?.clusterId;
    const isUsable = id !== undefined && dnsLabel.test(id) && ![...names.values()].includes(id);
    const name = isUsable
      ? id
      : live.context
          .toLowerCase()
          .replace(/[^a-z0-9-]+/g, "-")
          .replace(/^-+|-+$/g, "");
    if (id !== undefined && !isUsable)
      notes.push(`${live.context}: Istio knows the cluster as "${id}", which the file calls ${name}`);
    names.set(live, name);
  }
  const nameOf = (live: LiveCluster) => names.get(live) ?? live.context;
  const readers = new Map(
    found.flatMap(({ live, istio }) =>
      istio?.hasControlPlane === true ? istio.reads.map((read) => [read, nameOf(live)] as const) : [],
    ),
  );
  const virtualNodes = found.flatMap(({ live }) =>
    ofKind<VirtualNode>(live.objects, "VirtualNode").map((node) => ({ consumer: nameOf(live), live, node })),
  );
  const consumerOf = new Map(
    virtualNodes.map(({ consumer, node }) => [node.spec?.clusterID ?? "", consumer]),
  );
  const placed = found.map(({ live, istio }) => {
    const name = nameOf(live);
    const { role, primary } = roleOf(name, live, istio, { readers, consumerOf, notes });
    return { name, live, istio, role, primary };
  });
  const istioObjectsOf = (name: string) => placed.find((one) => one.name === name)?.live.objects ?? [];
  const peerings = virtualNodes.map(({ consumer, live, node }) => peeringOf(consumer, live, node));
  const clusters = placed.map((one): FoundCluster => {
    const consumer = one.role === "provider" ? one.primary : undefined;
    const home = consumer === undefined ? one.live.objects : istioObjectsOf(consumer);
    const remote = remoteNamespaces(istioObjectsOf(consumer ?? one.name));
    const gateways = findGateways(home, istioObjectsOf(one.primary ?? one.name)).filter(({ deployment }) => {
      const provider = remote.get(deployment.metadata.namespace ?? "");
      return consumer === undefined ? provider === undefined : provider === one.name;
    });
    return { ...one, gateways };
  });
  return {
    clusters,
    peerings: peerings.map((one) => withoutOwn(one, clusters)),
    handMadeExports: findExports(clusters),
    notes,
  };
}

interface Relations {
  readonly readers: ReadonlyMap<string, string>;
  readonly consumerOf: ReadonlyMap<string, string>;
  readonly notes: string[];
}

function roleOf(
  name: string,
  live: LiveCluster,
  istio: FoundIstio | undefined,
  { readers, consumerOf, notes }: Relations,
): Pick<FoundCluster, "role" | "primary"> {
  if (istio?.hasControlPlane === true) return { role: "primary", primary: undefined };
  const consumer = consumerOf.get(name);
  if (consumer !== undefined) return { role: "provider", primary: consumer };
  if (ofKind(live.objects, "KubernetesCluster").length > 0) return { role: "management", primary: undefined };
  const primary = istio?.controlPlane ?? readers.get(name);
  if (primary !== undefined && primary !== name) return { role: "remote", primary };
  notes.push(`${name}: no control plane is there and none reads it; the file gives it one of its own`);
  return { role: "primary", primary: undefined };
}

function ofKind<T extends KubeObject>(objects: readonly KubeObject[], kind: string): T[] {
  return objects.filter((object): object is T => object.kind === kind);
}

/** Namespaces of a consumer whose pods all run on one provider, by name. */
function remoteNamespaces(objects: readonly KubeObject[]): ReadonlyMap<string, string> {
  return new Map(
    ofKind<NamespaceOffloading>(objects, "NamespaceOffloading").flatMap(({ metadata, spec }) => {
      const [provider, ...more] = providersOf(spec);
      return spec.podOffloadingStrategy === "Remote" && provider !== undefined && more.length === 0
        ? [[metadata.namespace ?? "", provider] as const]
        : [];
    }),
  );
}

function providersOf({ clusterSelector }: NamespaceOffloading["spec"]): readonly string[] {
  return (clusterSelector?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions = [] }) =>
    matchExpressions.flatMap(({ values = [] }) => values),
  );
}

function peeringOf(consumer: string, { objects }: LiveCluster, node: VirtualNode): FoundPeering {
  const provider = node.spec?.clusterID ?? node.metadata.name;
  const slice = ofKind<ResourceSlice>(objects, "ResourceSlice").find(
    ({ spec }) => spec?.providerClusterID === provider,
  );
  const namespaces = ofKind<NamespaceOffloading>(objects, "NamespaceOffloading")
    .filter(({ spec }) => providersOf(spec).length === 0 || providersOf(spec).includes(provider))
    .map(({ metadata, spec }) => ({
      name: metadata.namespace ?? "",
      pods: spec.podOffloadingStrategy ?? "LocalAndRemote",
    }));
  return { consumer, provider, resources: { ...slice?.spec?.resources }, namespaces };
}

/** Without the namespaces that a peering offloads by itself: Istio's, and those of the provider's gateways. */
function withoutOwn(peering: FoundPeering, clusters: readonly FoundCluster[]): FoundPeering {
  const provider = clusters.find(({ name }) => name === peering.provider);
  const own = new Set([
    systemNamespace,
    ...(provider?.gateways ?? []).map(({ deployment }) => deployment.metadata.namespace ?? ""),
  ]);
  return { ...peering, namespaces: peering.namespaces.filter(({ name }) => !own.has(name)) };
}

/** Annotations that all of a cluster's load balancers have. */
export function sharedAnnotations({ gateways }: FoundCluster): Readonly<Record<string, string>> {
  const [first, ...others] = gateways
    .map(({ service }) => service)
    .filter((service): service is Service => service?.spec.type === "LoadBalancer")
    .map(writtenAnnotations);
  return Object.fromEntries(
    Object.entries(first ?? {}).filter(([name, value]) => others.every((one) => one[name] === value)),
  );
}

/** Labels of a cluster's nodes that all of them agree on. */
export function nodeLabel({ live }: FoundCluster, label: string): string | undefined {
  const values = new Set(
    live.objects
      .filter(({ kind, metadata }) => kind === "Node" && metadata.labels?.["liqo.io/type"] === undefined)
      .map(({ metadata }) => metadata.labels?.[label]),
  );
  const [value, ...more] = values;
  return more.length === 0 ? value : undefined;
}

/** Fields of `live` that are not as in `derived`: what has to be written so that they are. */
export function beyond(live: JsonObject, derived: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(live).flatMap(([name, value]) => {
      const known = derived[name];
      if (typeof known === "string" && known.startsWith("${address:")) return [];
      if (isJsonObject(value) && isJsonObject(known)) {
        const rest = beyond(value, known);
        return Object.keys(rest).length === 0 ? [] : [[name, rest]];
      }
      return JSON.stringify(value) === JSON.stringify(known) ? [] : [[name, value]];
    }),
  );
}
