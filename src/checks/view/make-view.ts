import type {
  AuthorizationPolicy,
  DestinationRule,
  Gateway,
  PeerAuthentication,
  ServiceEntry,
  Sidecar,
  Telemetry,
  VirtualService,
  WorkloadEntry,
} from "../../discovery/index.ts";
import type {
  ConfigMap,
  Deployment,
  EndpointSlice,
  ForeignCluster,
  KubeObject,
  Namespace,
  NamespaceOffloading,
  Node,
  Pod,
  ResourceSlice,
  Secret,
  Service,
  TokenLife,
  WebhookConfiguration,
} from "../../kube/index.ts";
import { kubeconfigToken, remoteKubeconfigIn, tokenLife } from "../../kube/index.ts";
import type { CheckedCluster, ClusterView } from "../contracts.ts";
import { gatewayCredential } from "./gateway-credential.ts";
import { systemNamespace } from "./labels.ts";
import type { ReadKind } from "./read-kinds.ts";

/** Objects by the name of their kind in a view; a kind that is absent has none. */
export type ObjectsByKind = Partial<Readonly<Record<ReadKind, readonly KubeObject[]>>>;

/** What checks look at, of the objects of a cluster. Every object has a spec then, if an empty one. */
export function makeView(
  cluster: Omit<CheckedCluster, "client">,
  objects: ObjectsByKind,
  writtenAt: ReadonlyMap<KubeObject, string> = new Map(),
): ClusterView {
  const places = new Map<KubeObject, string>();
  // The API server has checked objects against their schemas; whoever reads files does it before this.
  const all = <T extends KubeObject>(kind: ReadKind): readonly T[] =>
    (objects[kind] ?? []).map((object) => {
      const whole = "spec" in object ? object : { ...object, spec: {} };
      const place = writtenAt.get(object);
      if (place !== undefined) places.set(whole, place);
      return whole as unknown as T;
    });
  const secrets = all<Secret>("secrets");
  return {
    ...cluster,
    namespaces: all<Namespace>("namespaces"),
    nodes: all<Node>("nodes"),
    services: all<Service>("services"),
    endpointSlices: all<EndpointSlice>("endpointSlices"),
    pods: all<Pod>("pods"),
    deployments: all<Deployment>("deployments"),
    remoteSecrets: secrets.filter(isRemoteSecret).map((secret) => ({
      name: secret.metadata.name,
      clusters: Object.keys(secret.data ?? {}),
      lives: tokenLives(secret),
    })),
    gatewayCredentials: secrets.filter((secret) => !isRemoteSecret(secret)).map(gatewayCredential),
    webhooks: all<WebhookConfiguration>("webhooks"),
    configMaps: all<ConfigMap>("configMaps"),
    gateways: all<Gateway>("gateways"),
    virtualServices: all<VirtualService>("virtualServices"),
    destinationRules: all<DestinationRule>("destinationRules"),
    serviceEntries: all<ServiceEntry>("serviceEntries"),
    workloadEntries: all<WorkloadEntry>("workloadEntries"),
    sidecars: all<Sidecar>("sidecars"),
    peerAuthentications: all<PeerAuthentication>("peerAuthentications"),
    requestAuthentications: all("requestAuthentications"),
    authorizationPolicies: all<AuthorizationPolicy>("authorizationPolicies"),
    telemetries: all<Telemetry>("telemetries"),
    envoyFilters: all("envoyFilters"),
    wasmPlugins: all("wasmPlugins"),
    serviceExports: all("serviceExports"),
    autoscalers: all("autoscalers"),
    foreignClusters: all<ForeignCluster>("foreignClusters"),
    resourceSlices: all<ResourceSlice>("resourceSlices"),
    namespaceOffloadings: all<NamespaceOffloading>("namespaceOffloadings"),
    writtenAt: places,
  };
}

function tokenLives(secret: Secret): ReadonlyMap<string, TokenLife> {
  return new Map(
    Object.keys(secret.data ?? {}).flatMap((cluster) => {
      const token = kubeconfigToken(remoteKubeconfigIn(secret, cluster) ?? "");
      const life = token === undefined ? undefined : tokenLife(token);
      return life === undefined ? [] : [[cluster, life] as const];
    }),
  );
}

function isRemoteSecret({ metadata }: Secret): boolean {
  return metadata.namespace === systemNamespace && metadata.labels?.["istio/multiCluster"] === "true";
}
