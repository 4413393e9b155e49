import type { Deployment, KubeObject, Namespace, Pod, Service } from "../../kube/index.ts";
import type { ClusterView, MeshView } from "../contracts.ts";
import { makeView } from "../view/make-view.ts";

/** The time at which the mesh is looked at; its pods are an hour old. */
export const now = Date.parse("2026-01-01T12:00:00Z");

const started = "2026-01-01T11:00:00Z";
const istio = "istio-system";

interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ready?: boolean;
  readonly startTime?: string;
  /** Default: the app and its sidecar. */
  readonly containers?: Pod["spec"]["containers"];
  readonly phase?: NonNullable<Pod["status"]>["phase"];
}

export function pod(name: string, namespace: string, options: PodOptions = {}): Pod {
  const { labels = {}, annotations = {}, ready = true, startTime = started, phase = "Running" } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels, annotations },
    spec: { containers: options.containers ?? [{ name: "app" }, { name: "istio-proxy" }] },
    status: { phase, startTime, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

export function service(
  name: string,
  namespace: string,
  options: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly spec?: Partial<Service["spec"]>;
    readonly address?: string;
  } = {},
): Service {
  const { labels = {}, spec = {}, address } = options;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }], ...spec },
    ...(address === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip: address }] } } }),
  };
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** One of Istio's objects. */
export function rule(
  kind: string,
  name: string,
  spec: unknown,
  age = started,
): KubeObject & { readonly spec: never } {
  return {
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name, namespace: "sample", creationTimestamp: age },
    spec: spec as never,
  };
}

export function deployment(name: string, refusal?: string): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "sample" },
    spec: { replicas: 2, selector: { matchLabels: { app: name } }, template: { spec: { containers: [] } } },
    status: {
      readyReplicas: 1,
      conditions: refusal === undefined ? [] : [{ type: "ReplicaFailure", status: "True", message: refusal }],
    },
  };
}

/** The gateway between networks of a cluster. */
export function gatewayService(network: string, address: string | undefined): Service {
  return service("istio-eastwestgateway", istio, {
    labels: { "topology.istio.io/network": network },
    spec: {
      type: "LoadBalancer",
      selector: { istio: "eastwestgateway" },
      ports: [
        { name: "tls", port: 15443 },
        { name: "tls-istiod", port: 15012 },
      ],
    },
    ...(address === undefined ? {} : { address }),
  });
}

export const exposure = {
  ...rule("Gateway", "cross-network-gateway", {
    selector: { istio: "eastwestgateway" },
    servers: [
      {
        port: { number: 15443, name: "tls", protocol: "TLS" },
        tls: { mode: "AUTO_PASSTHROUGH" },
        hosts: ["*.local"],
      },
    ],
  }),
};

/** A cluster in which there is nothing. */
export function emptyCluster(name: string, more: Partial<ClusterView> = {}): ClusterView {
  return { ...makeView({ name, primary: name, network: undefined, reads: [] }, {}), ...more };
}

const common = (network: string): Partial<ClusterView> => ({
  namespaces: [
    namespace("kube-system"),
    namespace(istio, { "topology.istio.io/network": network }),
    namespace("sample", { "istio-injection": "enabled" }),
  ],
  deployments: [deployment("hello")],
});

const gatewayPod = pod("istio-eastwestgateway-1", istio, {
  labels: { istio: "eastwestgateway" },
  containers: [{ name: "istio-proxy" }],
});

/** fra on network1 with a control plane, ash on network2 as its remote, a service with pods in both; nothing is wrong. */
export function healthyMesh(): MeshView {
  const fra: ClusterView = {
    ...emptyCluster("fra", common("network1")),
    network: "network1",
    reads: ["ash"],
    services: [gatewayService("network1", "127.16.255.2"), service("hello", "sample")],
    endpointSlices: [],
    pods: [
      pod("istiod-1", istio, { labels: { app: "istiod" }, containers: [{ name: "discovery" }] }),
      gatewayPod,
      pod("hello-v1", "sample", { labels: { app: "hello", "topology.istio.io/network": "network1" } }),
    ],
    remoteSecrets: [{ name: "istio-remote-secret-ash", clusters: ["ash"] }],
    gateways: [exposure],
    virtualServices: [],
    destinationRules: [],
    serviceExports: [],
  };
  const ash: ClusterView = {
    ...emptyCluster("ash", common("network2")),
    primary: "fra",
    network: "network2",
    reads: [],
    services: [gatewayService("network2", "127.17.255.2"), service("hello", "sample")],
    endpointSlices: [
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "istiod", namespace: istio, labels: { "kubernetes.io/service-name": "istiod" } },
        addressType: "IPv4",
        endpoints: [{ addresses: ["127.16.255.2"] }],
        ports: [{ name: "tcp-istiod", port: 15012 }],
      },
    ],
    pods: [
      gatewayPod,
      pod("hello-v2", "sample", { labels: { app: "hello", "topology.istio.io/network": "network2" } }),
    ],
    remoteSecrets: [],
    gateways: [],
    virtualServices: [],
    destinationRules: [],
    serviceExports: [],
  };
  const proxies = ["istio-eastwestgateway-1.istio-system", "hello-v1.sample", "hello-v2.sample"];
  return {
    clusters: [fra, ash],
    unread: [],
    controlPlanes: new Map([
      [
        "fra",
        {
          clusters: [
            { id: "fra", secretName: "", syncStatus: "synced" },
            { id: "ash", secretName: "istio-system/istio-remote-secret-ash", syncStatus: "synced" },
          ],
          proxies: ["fra", "ash"].flatMap((cluster) => proxies.map((id) => ({ cluster, id }))),
        },
      ],
    ]),
    now,
  };
}

/** The mesh with another view of one cluster. */
export function withCluster(
  mesh: MeshView,
  name: string,
  change: (cluster: ClusterView) => Partial<ClusterView>,
): MeshView {
  return {
    ...mesh,
    clusters: mesh.clusters.map((one) => (one.name === name ? { ...one, ...change(one) } : one)),
  };
}
