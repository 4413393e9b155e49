import type { KubeObject } from "../../src/kube/index.ts";

/** How large the mesh of a run is. */
export interface MeshSize {
  readonly services: number;
  readonly endpoints: number;
}

/** As istiod was measured: 111 clusters and about 250 kB a proxy, and ten times the services. */
export const sizes: Readonly<Record<string, MeshSize>> = {
  M: { services: 100, endpoints: 10 },
  Big: { services: 1000, endpoints: 10 },
};

const systemNamespace = "istio-system";
const benchNamespace = "bench";
const network = "network1";

/** Everything of a mesh that proxies' configuration is made of, in an order in which it can be created. */
export function meshObjects({ services, endpoints }: MeshSize): KubeObject[] {
  const objects: KubeObject[] = [
    namespace(systemNamespace, { "topology.istio.io/network": network }),
    namespace(benchNamespace, { "istio-injection": "enabled" }),
    namespace("sample", { "istio-injection": "enabled" }),
    meshConfig("first"),
    ...gateways(),
    ...service("sample", "helloworld", { http: 5000 }, ["10.10.0.1", "10.10.0.2"]),
    ...service("sample", "sleep", { http: 80 }, ["10.10.0.3"]),
    ...service("sample", "tcp-echo", { "tcp-1": 9000, "tcp-2": 9001 }, ["10.10.0.4"]),
  ];
  for (let i = 0; i < services; i++) {
    const addresses = Array.from({ length: endpoints }, (_, k) => endpointAddress(i, k));
    objects.push(...service(benchNamespace, `svc-${i}`, { http: 80 }, addresses));
  }
  objects.push(routeTo("first"), external("240.0.0.1"));
  return objects;
}

const endpointAddress = (i: number, k: number) => `10.${20 + (i >> 8)}.${i & 255}.${k + 1}`;

/** The mesh's settings. `marker` shows in every route; the other fields change every cluster and listener. */
export function meshConfig(marker: string, round = 0): KubeObject {
  const mesh = [
    "accessLogFile: /dev/stdout",
    `accessLogFormat: "[%START_TIME%] ${marker}\\n"`,
    `connectTimeout: ${10 + (round % 2)}s`,
    `defaultHttpRetryPolicy: { attempts: 2, retryOn: "connect-failure,${marker}" }`,
  ];
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: systemNamespace },
    data: { mesh: mesh.join("\n") },
  } as KubeObject;
}

/** A VirtualService whose route shows `marker`. */
export function routeTo(marker: string): KubeObject {
  const host = `svc-0.${benchNamespace}.svc.cluster.local`;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "route", namespace: benchNamespace },
    spec: {
      hosts: [host],
      http: [{ headers: { response: { set: { "x-round": marker } } }, route: [{ destination: { host } }] }],
    },
  } as KubeObject;
}

/** A ServiceEntry with one endpoint. */
export function external(address: string): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name: "external", namespace: benchNamespace },
    spec: {
      hosts: ["external.example"],
      addresses: ["240.10.0.1"],
      location: "MESH_INTERNAL",
      resolution: "STATIC",
      ports: [{ number: 80, name: "http", protocol: "HTTP" }],
      endpoints: [{ address }],
    },
  } as KubeObject;
}

/** The EndpointSlice of svc-0 with its first address replaced. */
export function slicePatch(address: string, { endpoints }: MeshSize): object {
  const others = Array.from({ length: endpoints - 1 }, (_, k) => endpointAddress(0, k + 1));
  return { endpoints: [address, ...others].map(endpoint) };
}

/** Where the objects that events change are. */
export const paths = {
  slice: `/apis/discovery.k8s.io/v1/namespaces/${benchNamespace}/endpointslices/svc-0-1`,
  virtualService: `/apis/networking.istio.io/v1/namespaces/${benchNamespace}/virtualservices/route`,
  serviceEntry: `/apis/networking.istio.io/v1/namespaces/${benchNamespace}/serviceentries/external`,
  meshConfig: `/api/v1/namespaces/${systemNamespace}/configmaps/istio`,
} as const;

const endpoint = (address: string) => ({ addresses: [address], conditions: { ready: true } });

function namespace(name: string, labels: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function service(
  of: string,
  name: string,
  ports: Readonly<Record<string, number>>,
  addresses: readonly string[],
): KubeObject[] {
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: of, labels: { app: name } },
      spec: { ports: Object.entries(ports).map(([port, number]) => ({ name: port, port: number })) },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-1`, namespace: of, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: addresses.map(endpoint),
      ports: Object.entries(ports).map(([port, number]) => ({ name: port, port: number, protocol: "TCP" })),
    },
  ] as KubeObject[];
}

/** An ingress gateway with a route, and an east-west gateway for all services. */
function gateways(): KubeObject[] {
  const gateway = (name: string, istio: string, server: object) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name, namespace: systemNamespace },
    spec: { selector: { istio }, servers: [server] },
  });
  return [
    ...service(systemNamespace, "istio-ingressgateway", { http2: 80, https: 443 }, ["10.10.1.1"]),
    ...service(systemNamespace, "istio-eastwestgateway", { tls: 15443 }, ["10.10.1.2"]),
    gateway("ingress", "ingressgateway", {
      port: { number: 80, name: "http", protocol: "HTTP" },
      hosts: ["*"],
    }),
    gateway("cross-network", "eastwestgateway", {
      port: { number: 15443, name: "tls", protocol: "TLS" },
      tls: { mode: "AUTO_PASSTHROUGH" },
      hosts: ["*.local"],
    }),
  ] as KubeObject[];
}
