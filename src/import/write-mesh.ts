import type { Compiled } from "../compile/index.ts";
import {
  exportsAnnotation,
  isInjected,
  isJsonObject,
  type JsonObject,
  type KubeObject,
  managedBy,
  type Namespace,
  type Service,
  systemNamespace,
} from "../kube/index.ts";
import { beyond, type FoundCluster, type FoundMesh, nodeLabel, sharedAnnotations } from "./draft-mesh.ts";
import { type FoundGateway, writtenAnnotations } from "./find-gateways.ts";

/** Add-ons of Istio's samples, with the Service that each is reached at. */
const addonServices = {
  prometheus: "prometheus",
  grafana: "grafana",
  jaeger: "tracing",
  kiali: "kiali",
} as const;
const usualNames = {
  ingress: "istio-ingressgateway",
  eastwest: "istio-eastwestgateway",
  egress: "istio-egressgateway",
} as const;
const crossNetworkPort = 15_443;

/** Entries of `manifests` and paths of dashboards, by cluster. */
export interface WrittenFiles {
  readonly manifests: ReadonlyMap<string, readonly JsonObject[]>;
  readonly dashboards: ReadonlyMap<string, readonly string[]>;
}

/** The mesh file of a mesh that was found. `derived` is what an earlier draft of it makes: what that has is left out. */
export function writeMesh(found: FoundMesh, files: WrittenFiles, derived: Compiled | undefined): JsonObject {
  const { clusters, peerings } = found;
  const discovery = discoveryOf(found);
  const meshIds = clusters.flatMap(({ istio }) => istio?.meshId ?? []);
  const workspaces = workspacesOf(clusters);
  const suffix = found.handMadeExports[0]?.suffix;
  return {
    apiVersion: "isthmus.dev/v1alpha1",
    kind: "Mesh",
    name: meshIds[0] ?? "mesh",
    ...(discovery === "exports" ? { discovery } : {}),
    ...(discovery === "exports" && suffix !== undefined && suffix !== "global" ? { hostSuffix: suffix } : {}),
    clusters: Object.fromEntries(
      clusters.map((cluster) => [cluster.name, writeCluster(cluster, found, files, derived)]),
    ),
    ...(peerings.length === 0
      ? {}
      : {
          peerings: peerings.map(({ consumer, provider, resources, namespaces }) => ({
            consumer,
            provider,
            ...(Object.keys(resources).length === 0 ? {} : { resources }),
            ...(namespaces.length === 0 ? {} : { namespaces }),
          })),
        }),
    ...(Object.keys(workspaces).length === 0 ? {} : { workspaces }),
  };
}

/** Control planes that don't read each other's clusters share nothing but what is exported. */
export function discoveryOf({ clusters }: FoundMesh): "endpoints" | "exports" {
  const primaries = clusters.filter(({ role }) => role === "primary");
  const readsAnother = primaries.some(({ istio }) =>
    istio?.reads.some((read) => primaries.some(({ name }) => name === read)),
  );
  return primaries.length > 1 && !readsAnother ? "exports" : "endpoints";
}

function writeCluster(
  cluster: FoundCluster,
  found: FoundMesh,
  { manifests, dashboards }: WrittenFiles,
  derived: Compiled | undefined,
): JsonObject {
  const { name, live, istio, role, primary } = cluster;
  const context = live.context === name ? {} : { context: live.context };
  if (role === "management") return { ...context, role: "management" };
  const region = nodeLabel(cluster, "topology.kubernetes.io/region");
  const zone = nodeLabel(cluster, "topology.kubernetes.io/zone");
  const annotations = sharedAnnotations(cluster);
  const gateways = writeGateways(cluster, annotations, derived?.clusters.get(primary ?? name));
  const exports = exportsOf(cluster, found);
  const addons = writeAddons(cluster, dashboards.get(name) ?? []);
  const namespaces = role === "provider" ? [] : writeNamespaces(cluster);
  const settings = writeIstio(cluster, derived);
  const own = manifests.get(name) ?? [];
  return {
    ...context,
    ...(primary === undefined ? {} : { primary }),
    ...(istio?.network === undefined ? {} : { network: istio.network }),
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
    ...(istio?.trustDomain === undefined || istio.trustDomain === "cluster.local"
      ? {}
      : { trust: { domain: istio.trustDomain } }),
    ...(Object.keys(settings).length === 0 ? {} : { istio: settings }),
    ...(Object.keys(gateways).length === 0 ? {} : { gateways }),
    ...(Object.keys(annotations).length === 0 ? {} : { loadBalancer: { annotations } }),
    ...(discoveryOf(found) === "exports" && exports.length > 0 ? { exports } : {}),
    ...(Object.keys(addons).length === 0 ? {} : { addons }),
    ...(namespaces.length === 0 ? {} : { namespaces }),
    ...(own.length === 0 ? {} : { manifests: own }),
  };
}

function writeIstio({ name, istio }: FoundCluster, derived: Compiled | undefined): JsonObject {
  if (istio === undefined) return {};
  const { version, revision, values } = istio;
  const chart = derived?.clusters
    .get(name)
    ?.flatMap((item) => (item.kind === "chart" && item.chart.chart === "istiod" ? [item.chart] : []))[0];
  const { meshConfig, ...rest } = chart === undefined ? {} : beyond(values, chart.values);
  return {
    ...(version === undefined ? {} : { version }),
    ...(revision === undefined ? {} : { revision }),
    ...(isJsonObject(meshConfig) ? { meshConfig } : {}),
    ...(Object.keys(rest).length === 0 ? {} : { values: rest }),
  };
}

type Items = ReturnType<Compiled["clusters"]["get"]>;

function writeGateways(
  cluster: FoundCluster,
  shared: Readonly<Record<string, string>>,
  items: Items,
): JsonObject {
  const written: Record<string, unknown> = {};
  for (const gateway of cluster.gateways)
    for (const kind of gateway.kinds) written[kind] ??= writeGateway(gateway, kind, cluster, shared, items);
  return written;
}

function writeGateway(
  { deployment, service, port, kinds }: FoundGateway,
  kind: FoundGateway["kinds"][number],
  { name: cluster, role }: FoundCluster,
  shared: Readonly<Record<string, string>>,
  items: Items,
): unknown {
  const { name, namespace } = deployment.metadata;
  const usual = role === "provider" ? `istio-ingress-${cluster}` : systemNamespace;
  const settings = service === undefined ? {} : writeService(service, shared, items, kind === "egress");
  const fields = {
    ...(name === usualNames[kind] ? {} : { name }),
    ...(namespace === usual ? {} : { namespace }),
    ...(kind !== "eastwest" || port === undefined || port === crossNetworkPort ? {} : { port }),
    // One Deployment that does both says it once.
    ...(Object.keys(settings).length === 0 || (kind === "eastwest" && kinds.length > 1)
      ? {}
      : { service: settings }),
  };
  return Object.keys(fields).length === 0 ? true : fields;
}

function writeService(
  service: Service,
  shared: Readonly<Record<string, string>>,
  items: Items,
  isEgress: boolean,
): JsonObject {
  const { type = "ClusterIP", ports = [] } = service.spec;
  const annotations = Object.fromEntries(
    Object.entries(writtenAnnotations(service)).filter(
      ([name, value]) => type !== "LoadBalancer" || shared[name] !== value,
    ),
  );
  const derived = items
    ?.flatMap((item) => (item.kind === "object" ? [item.object] : []))
    .find(
      ({ kind, metadata }) =>
        kind === "Service" &&
        metadata.name === service.metadata.name &&
        metadata.namespace === service.metadata.namespace,
    ) as Service | undefined;
  const form = (one: Service["spec"]["ports"]) =>
    JSON.stringify((one ?? []).map(({ name, port, targetPort = port }) => [name, port, targetPort]));
  const isUsual = derived === undefined || form(derived.spec.ports) === form(ports);
  return {
    ...(type === (isEgress ? "ClusterIP" : "LoadBalancer") ? {} : { type }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(isUsual
      ? {}
      : {
          ports: ports.map(({ name, port, targetPort, nodePort }) => ({
            name: name ?? `tcp-${port}`,
            port,
            ...(typeof targetPort === "number" && targetPort !== port ? { targetPort } : {}),
            ...(type === "NodePort" && nodePort !== undefined ? { nodePort } : {}),
          })),
        }),
  };
}

/** "messenger.default" of ServiceExports and of what others wrote by hand, "*.shop" of a namespace that exports all. */
function exportsOf({ name, live }: FoundCluster, { handMadeExports }: FoundMesh): readonly string[] {
  const byHand = handMadeExports.filter(({ exporter }) => exporter === name).map(({ service }) => service);
  const single = live.objects
    .filter(({ kind, metadata }) => kind === "ServiceExport" && metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => `${metadata.name}.${metadata.namespace}`);
  const whole = live.objects
    .filter(({ kind, metadata }) => kind === "Namespace" && metadata.annotations?.[exportsAnnotation] === "*")
    .map(({ metadata }) => `*.${metadata.name}`);
  return [...new Set([...single, ...byHand, ...whole])];
}

function writeAddons({ live }: FoundCluster, dashboards: readonly string[]): JsonObject {
  return Object.fromEntries(
    Object.entries(addonServices).flatMap(([name, serviceName]) => {
      const deployment = live.objects.find((object) => isAddon(object, name));
      if (deployment === undefined) return [];
      const { namespace } = deployment.metadata;
      const service = live.objects.find(
        ({ kind, metadata }) =>
          kind === "Service" && metadata.name === serviceName && metadata.namespace === namespace,
      ) as Service | undefined;
      const port = service?.spec.type === "NodePort" ? service.spec.ports?.[0]?.nodePort : undefined;
      return [
        [
          name,
          {
            ...(port === undefined ? {} : { port }),
            ...(namespace === systemNamespace ? {} : { namespace }),
            ...(name === "grafana" && dashboards.length > 0 ? { dashboards } : {}),
          },
        ],
      ];
    }),
  );
}

/** Of Istio's samples, which are in its namespace, or made by isthmus. */
export function isAddon({ kind, metadata }: KubeObject, name: string): boolean {
  return (
    kind === "Deployment" &&
    metadata.name === name &&
    (metadata.namespace === systemNamespace ||
      metadata.labels?.["app.kubernetes.io/managed-by"] === managedBy)
  );
}

const ownLabel =
  /^(kubernetes\.io\/metadata\.name|istio-injection|istio\.io\/rev|app\.kubernetes\.io\/managed-by|liqo\.io\/.*|topology\.istio\.io\/network)$/;
const platformNamespace =
  /^(default|kube-.*|istio-system|istio-operator|gloo-mesh|liqo|liqo-tenant-.*|local-path-storage)$/;

/** Namespaces with sidecars, and those of the user's that have labels of their own. */
function writeNamespaces({ live }: FoundCluster): readonly unknown[] {
  return live.objects
    .filter((object): object is Namespace => object.kind === "Namespace")
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap((namespace): unknown[] => {
      const { name, labels = {} } = namespace.metadata;
      const own = Object.fromEntries(Object.entries(labels).filter(([label]) => !ownLabel.test(label)));
      const hasOwn = Object.keys(own).length > 0;
      if (isInjected(namespace)) return [hasOwn ? { name, labels: own } : name];
      if (platformNamespace.test(name) || labels["app.kubernetes.io/managed-by"] === managedBy) return [];
      return [{ name, injection: false, ...(hasOwn ? { labels: own } : {}) }];
    });
}

function workspacesOf(clusters: readonly FoundCluster[]): JsonObject {
  const management = clusters.find(({ role }) => role === "management");
  const found = (management?.live.objects ?? []).filter(
    ({ kind, apiVersion, metadata }) =>
      kind === "Workspace" &&
      apiVersion.startsWith("management.isthmus.dev/") &&
      !(metadata.managedFields ?? []).some(({ manager }) => manager === "isthmus-conversion"),
  );
  return Object.fromEntries(
    found.map(({ metadata, spec }) => {
      const { clusters: listed, isolation, ...rest } = isJsonObject(spec) ? spec : {};
      const places = (Array.isArray(listed) ? listed : []).filter(isJsonObject);
      const wide = places.find(({ name }) => name === "*");
      return [
        metadata.name,
        {
          namespaces:
            wide?.["namespaces"] ??
            Object.fromEntries(places.map(({ name, namespaces }) => [String(name), namespaces])),
          ...rest,
          ...(isolation === true ? { isolation } : {}),
        },
      ];
    }),
  );
}
