import type {
  Addon,
  CaIssuer,
  Cluster,
  ClusterName,
  IstioSettings,
  ManifestEntry,
  Mesh,
  MeshNamespace,
  NetworkName,
  Peering,
  Trust,
  Workspace,
} from "../mesh.ts";
import type { WrittenCluster } from "../sections/cluster-section.ts";
import type { WrittenManifest } from "../sections/manifests-section.ts";
import type { WrittenMesh } from "../sections/mesh-section.ts";
import type { WrittenNamespace } from "../sections/namespaces-section.ts";
import type { WrittenIssuer } from "../sections/trust-section.ts";
import type { Places } from "../yaml/places.ts";
import { buildGateways, systemNamespace } from "./build-gateways.ts";
import { deepMerge } from "./deep-merge.ts";
import { consumerOf, networkOf } from "./peering-of.ts";

/** Istio's version when the file names none. */
const defaultIstioVersion = "1.31.1";

/** Makes the Mesh of a file that passed every check: defaults filled in, mesh-wide settings merged into each cluster. */
export function buildMesh(
  written: WrittenMesh,
  options: { readonly folder: string; readonly name: string; readonly places: Places },
): Mesh {
  const istio = istioSettings(written.istio);
  const trust = trustSettings(written.trust, undefined, "");
  const { lifetime } = written.remoteCredentials ?? {};
  const clusters = [...(written.clusters ?? [])].map(([name, cluster]) => {
    // checkClusters has seen every name, as the reader of the section has its form.
    return [name as ClusterName, buildCluster(name as ClusterName, cluster, written)] as const;
  });
  return {
    name: written.name ?? options.name,
    folder: options.folder,
    istio,
    trust,
    ...(lifetime === undefined ? {} : { credentialLifetime: milliseconds(lifetime) / 1000 }),
    discovery: written.discovery ?? "endpoints",
    hostSuffix: written.hostSuffix ?? "global",
    clusters: new Map(clusters),
    peerings: (written.peerings ?? []).map((one, index) => buildPeering(one, `peerings[${index}]`)),
    workspaces: new Map([...(written.workspaces ?? [])].map(([name, one]) => [name, buildWorkspace(one)])),
    ...(written.registry === undefined ? {} : { registry: written.registry }),
    telemetry: { retention: milliseconds(written.telemetry?.retention ?? "1h") },
    images: new Map(
      [...(written.images ?? [])].map(([name, { command = [], env = {} }]) => [name, { command, env }]),
    ),
    places: options.places,
  };
}

/** Of "30m" or "6h", which the sections have checked. */
function milliseconds(duration: string): number {
  return Number.parseInt(duration, 10) * (duration.endsWith("h") ? 3_600_000 : 60_000);
}

function istioSettings(wide: WrittenMesh["istio"], own: WrittenMesh["istio"] = {}): IstioSettings {
  const merged: WrittenMesh["istio"] & object = deepMerge({ ...wide }, { ...own });
  const { version = defaultIstioVersion, revision, charts, meshConfig = {}, values = {} } = merged;
  return {
    version,
    ...(revision === undefined ? {} : { revision }),
    ...(charts === undefined ? {} : { charts }),
    meshConfig,
    values,
  };
}

/** `cluster`: "clusters.NAME.", as places of its own fields begin. */
function trustSettings(wide: WrittenMesh["trust"], own: WrittenMesh["trust"] = {}, cluster: string): Trust {
  const {
    cacerts,
    issuer,
    domain = "cluster.local",
    exchangeRoots = false,
    allowDifferentRoots = false,
  } = { ...withoutOther(wide, own), ...own };
  return {
    ...(cacerts === undefined ? {} : { cacerts }),
    ...(issuer === undefined ? {} : { issuer: buildIssuer(issuer, own.issuer === undefined ? "" : cluster) }),
    domain,
    exchangeRoots,
    allowDifferentRoots,
  };
}

/** Files or an issuer: a cluster's own choice takes the place of the mesh's. */
function withoutOther(wide: WrittenMesh["trust"], own: WrittenMesh["trust"] & object): WrittenMesh["trust"] {
  if (own.cacerts === undefined && own.issuer === undefined) return wide;
  const { cacerts: _cacerts, issuer: _issuer, ...rest } = wide ?? {};
  return rest;
}

function buildIssuer({ name = "", kind = "Issuer", duration }: WrittenIssuer, place: string): CaIssuer {
  return { name, kind, ...(duration === undefined ? {} : { duration }), from: `${place}trust.issuer` };
}

/** What the issuer of a cluster's CA needs: only where there is a control plane that signs with it. */
function issuerManifests(
  cluster: WrittenCluster,
  mesh: WrittenMesh,
  name: ClusterName,
): readonly ManifestEntry[] {
  const [own, wide] = [cluster.trust, mesh.trust];
  const place = own?.issuer === undefined ? "" : `clusters.${name}.`;
  const issuer = own?.issuer ?? (own?.cacerts === undefined ? wide?.issuer : undefined);
  return buildManifests(issuer?.manifests, `${place}trust.issuer.manifests`).map((entry) => ({
    ...entry,
    forTrust: true,
  }));
}

function buildCluster(name: ClusterName, cluster: WrittenCluster, mesh: WrittenMesh): Cluster {
  const isWorkload = cluster.role !== "management";
  const isProvider = (mesh.peerings ?? []).some(({ provider }) => provider === name);
  const consumer = consumerOf(mesh, name);
  const network = networkOf(mesh, name);
  const { region, zone, kubeconfig, server, kubernetes, provider, loadBalancer = {} } = cluster;
  return {
    name,
    role: cluster.role ?? "workload",
    primary: (cluster.primary ?? name) as ClusterName,
    ...(consumer === undefined ? {} : { consumer: consumer as ClusterName }),
    ...(network === undefined ? {} : { network: network as NetworkName }),
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
    nodes: (cluster.nodes ?? [{}]).map((node) => ({
      ...(node.zone === undefined ? {} : { zone: node.zone }),
      capacity: node.capacity ?? {},
    })),
    labelNodes: cluster.labelNodes ?? false,
    ...(provider?.name === undefined ? {} : { provider: { ...provider, name: provider.name } }),
    context: cluster.context ?? name,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(server === undefined ? {} : { server }),
    istio: istioSettings(mesh.istio, cluster.istio),
    trust: trustSettings(mesh.trust, cluster.trust, `clusters.${name}.`),
    gateways: buildGateways(mesh, name, cluster),
    loadBalancer: {
      annotations: loadBalancer.annotations ?? {},
      ...(loadBalancer.class === undefined ? {} : { class: loadBalancer.class }),
    },
    exports: cluster.exports ?? [],
    addons: (cluster.addons ?? []).map((addon) => buildAddon(addon, name)),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    namespaces: mergeNamespaces(
      isWorkload ? wideNamespaces(mesh, name) : [],
      buildNamespaces(cluster.namespaces, `clusters.${name}.namespaces`),
    ),
    manifests: [
      ...(isWorkload && (cluster.primary ?? name) === name ? issuerManifests(cluster, mesh, name) : []),
      ...(isWorkload && !isProvider ? buildManifests(mesh.manifests, "manifests") : []),
      ...buildManifests(cluster.manifests, `clusters.${name}.manifests`),
    ],
  };
}

/** Mesh-wide namespaces of a cluster: one that a peering offloads to it is made there by the offloading. */
function wideNamespaces(
  { namespaces, peerings = [] }: WrittenMesh,
  cluster: string,
): readonly MeshNamespace[] {
  const offloaded = peerings.flatMap(({ provider, namespaces: list = [] }) =>
    provider === cluster ? list.map(({ name }) => name) : [],
  );
  return buildNamespaces(namespaces, "namespaces").filter(({ name }) => !offloaded.includes(name));
}

function buildNamespaces(
  namespaces: readonly WrittenNamespace[] | undefined,
  from: string,
): readonly MeshNamespace[] {
  return (namespaces ?? []).map(({ name = "", injection = true, labels = {} }, index) => ({
    name,
    injection,
    labels,
    from: `${from}[${index}]`,
  }));
}

/** A cluster's own entry for a namespace takes the place of the mesh-wide one. */
function mergeNamespaces(
  wide: readonly MeshNamespace[],
  own: readonly MeshNamespace[],
): readonly MeshNamespace[] {
  return [...wide.filter(({ name }) => !own.some((other) => other.name === name)), ...own];
}

function buildManifests(
  manifests: readonly WrittenManifest[] | undefined,
  from: string,
): readonly ManifestEntry[] {
  return (manifests ?? []).map(({ file, chart = "", ...rest }, index): ManifestEntry => {
    const at = `${from}[${index}]`;
    const { namespace, selector, repo, name, version, values, set = {} } = rest;
    if (file !== undefined) {
      return {
        kind: "file",
        file,
        ...(namespace === undefined ? {} : { namespace }),
        ...(selector === undefined ? {} : { selector }),
        from: at,
      };
    }
    return {
      kind: "chart",
      chart,
      ...(repo === undefined ? {} : { repo }),
      name: name ?? chart.split("/").at(-1) ?? chart,
      ...(version === undefined ? {} : { version }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(values === undefined ? {} : { values }),
      set,
      from: at,
    };
  });
}

function buildAddon(
  { name, port, namespace, dashboards }: NonNullable<WrittenCluster["addons"]>[number],
  cluster: string,
): Addon {
  return {
    name,
    ...(port === undefined ? {} : { port }),
    namespace: namespace ?? systemNamespace,
    dashboards: dashboards ?? [],
    from: `clusters.${cluster}.addons`,
  };
}

function buildPeering(
  { consumer, provider, resources, namespaces }: NonNullable<WrittenMesh["peerings"]>[number],
  from: string,
): Peering {
  return {
    consumer: (consumer ?? "") as ClusterName,
    provider: (provider ?? "") as ClusterName,
    resources: resources ?? {},
    namespaces: (namespaces ?? []).map(({ name = "", pods = "LocalAndRemote" }, index) => ({
      name,
      pods,
      from: `${from}.namespaces[${index}]`,
    })),
    from,
  };
}

type WrittenWorkspace =
  NonNullable<WrittenMesh["workspaces"]> extends ReadonlyMap<string, infer W> ? W : never;

function buildWorkspace({
  namespaces = [],
  exports = [],
  exportTo = [],
  importFrom = [],
  isolation = false,
}: WrittenWorkspace): Workspace {
  return { namespaces: namespaces as Workspace["namespaces"], exports, exportTo, importFrom, isolation };
}
