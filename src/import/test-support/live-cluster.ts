import {
  type ApiRequest,
  groupVersion,
  type Kind,
  type KubeClient,
  type KubeObject,
  parseYamlObjects,
} from "../../kube/index.ts";

/** A client of a cluster that has these objects, as YAML documents, and serves their kinds. */
export function liveClient(yaml: string): KubeClient {
  const objects: readonly KubeObject[] = parseYamlObjects(yaml).objects.map(({ object }) => object);
  const groups = new Map<string, Map<string, KubeObject[]>>();
  for (const object of objects) {
    const ofGroup = groups.get(object.apiVersion) ?? new Map<string, KubeObject[]>();
    groups.set(object.apiVersion, ofGroup);
    ofGroup.set(object.kind, [...(ofGroup.get(object.kind) ?? []), object]);
  }
  const resources = (apiVersion: string) => ({
    resources: [...(groups.get(apiVersion) ?? [])].map(([kind, [first]]) => ({
      kind,
      name: `${kind.toLowerCase()}s`,
      namespaced: first?.metadata.namespace !== undefined,
      verbs: ["list", "delete"],
    })),
  });
  const versions = [...groups.keys()].filter((apiVersion) => apiVersion !== "v1");
  const answer = (path: string): unknown =>
    path === "/apis"
      ? { groups: versions.map((apiVersion) => ({ preferredVersion: { groupVersion: apiVersion } })) }
      : resources(path.replace(/^\/apis?\//, ""));
  return {
    transport: { send: async ({ path }: ApiRequest) => ({ status: 200, headers: {}, body: answer(path) }) },
    list: async ({ kind, group }: Kind) => ({
      items: objects.filter(
        (object) => object.kind === kind && groupVersion(object.apiVersion).group === group,
      ),
      resourceVersion: "1",
    }),
  } as unknown as KubeClient;
}

export interface IstioParts {
  readonly cluster: string;
  readonly network?: string;
  /** Of the namespace, on a remote. */
  readonly primary?: string;
  /** MeshConfig in Istio's ConfigMap, JSON. */
  readonly mesh?: string;
  readonly version?: string;
  /** Clusters whose remote credentials are there. */
  readonly reads?: readonly string[];
}

/** Istio's namespace as an installation by hand leaves it; without a control plane on a remote. */
export function istio({
  cluster,
  network,
  primary,
  mesh = "{}",
  version = "1.24.2",
  reads = [],
}: IstioParts): string {
  const labels = network === undefined ? "{}" : `{ topology.istio.io/network: ${network} }`;
  const annotations = primary === undefined ? "{}" : `{ topology.istio.io/controlPlaneClusters: ${primary} }`;
  const values = JSON.stringify({
    global: { meshID: "mesh1", multiCluster: { clusterName: cluster }, network },
  });
  const controlPlane = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: istiod, namespace: istio-system, labels: { app: istiod, istio.io/rev: default } }
spec:
  template:
    spec:
      containers: [{ name: discovery, image: "docker.io/istio/pilot:${version}-distroless", env: [{ name: CLUSTER_ID, value: ${cluster} }] }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '${mesh}' }
---
`;
  return `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: ${labels}, annotations: ${annotations} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio-sidecar-injector, namespace: istio-system }
data: { values: '${values}' }
---
${primary === undefined ? controlPlane : ""}
${reads.map((read) => `apiVersion: v1\nkind: Secret\nmetadata: { name: istio-remote-secret-${read}, namespace: istio-system, labels: { istio/multiCluster: "true" } }\ndata: { ${read}: c2VjcmV0 }\n---\n`).join("")}`;
}

/** A gateway as istioctl or Helm installs it, with the Service before it. */
export function gateway(
  name: string,
  options: { readonly network?: string; readonly address?: string; readonly ports: readonly number[] },
): string {
  const { network, address, ports } = options;
  const label = network === undefined ? "" : `, topology.istio.io/network: ${network}`;
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: istio-system }
spec:
  template:
    metadata: { labels: { istio: ${name}${label} }, annotations: { inject.istio.io/templates: gateway } }
    spec: { containers: [{ name: istio-proxy, image: auto }] }
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: istio-system
  labels: { istio: ${name}${label} }
  annotations: { example.com/shape: flexible }
spec: { type: LoadBalancer, selector: { istio: ${name} }, ports: [${ports.map((port) => `{ name: p${port}, port: ${port} }`).join(", ")}] }
${address === undefined ? "" : `status: { loadBalancer: { ingress: [{ ip: ${address} }] } }`}
---
`;
}
