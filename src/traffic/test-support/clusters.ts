import { type KubeObject, parseYamlObjects } from "../../kube/index.ts";
import type { Effect } from "../apply-changes.ts";
import { type ClusterObjects, objectId } from "../cluster-objects.ts";
import { compareTraffic, type TrafficChange } from "../compare-traffic.ts";
import type { CellState } from "../traffic-matrix.ts";

/** A cluster of these objects, as YAML documents. */
export function clusterOf(cluster: string, yaml: string): ClusterObjects {
  return { cluster, objects: new Map(objectsIn(yaml).map((object) => [objectId(object), object])) };
}

function objectsIn(yaml: string): readonly KubeObject[] {
  return parseYamlObjects(yaml).objects.map(({ object }) => object);
}

/** What makes and changes the objects in `yaml`. */
export function applying(yaml: string): Effect[] {
  return objectsIn(yaml).map((after) => ({ kind: "object", after }));
}

/** What deletes the objects in `yaml`. */
export function deleting(yaml: string): Effect[] {
  return objectsIn(yaml).map((before) => ({ kind: "object", before }));
}

/** One line a change: "curl → web.shop (from fra): v1 50, v2 50 → v1 90, v2 10; loses mTLS". */
export function noticed(
  clusters: Readonly<Record<string, { readonly yaml: string; readonly effects?: readonly Effect[] }>>,
): string[] {
  return compareTraffic(
    Object.entries(clusters).map(([name, { yaml, effects = [] }]) => ({
      before: clusterOf(name, yaml),
      effects,
    })),
  )
    .map(inWords)
    .sort();
}

function inWords({ callers, service, match, cluster, before, after, effects }: TrafficChange): string {
  const subject = `${callers.join(", ")} → ${service}${match === "" ? "" : ` ${match}`} (from ${cluster})`;
  return [`${subject}: ${stateText(before)} → ${stateText(after)}`, ...effects].join("; ");
}

function stateText(state: CellState | undefined): string {
  if (state === undefined) return "nothing";
  const shares = state.shares.map(
    ({ group, cluster, path, percent }) =>
      `${group}${cluster === "" ? "" : `@${cluster}`}${path === "gateway" ? " over a gateway" : ""} ${percent}`,
  );
  const handling = Object.entries(state.handling).filter(
    ([name, text]) => name !== "retries" || text !== "2",
  );
  return [
    shares.join(", "),
    ...handling.map(([name, text]) => `[${name} ${text}]`),
    ...state.reasons.map((reason) => `(${reason})`),
  ].join(" ");
}

/** Istio's ConfigMap and namespaces of a cluster that runs a control plane, on a network if it has one. */
export function meshBase(network?: string, meshConfig = "{}"): string {
  return `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system${network === undefined ? "" : `, labels: { topology.istio.io/network: ${network} }`} }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '${meshConfig}' }
---
`;
}

/** Label with which injection says that a pod's sidecar takes mTLS. */
const tlsMode = "security.istio.io/tlsMode: istio";

/** A workload with one pod at `address`, with a sidecar unless `hasSidecar` is false. */
export function workload(
  name: string,
  address: string,
  options: { readonly labels?: string; readonly hasSidecar?: boolean; readonly account?: string } = {},
): string {
  const { labels = `app: ${name}`, hasSidecar = true, account = name } = options;
  const own = [...labels.split(", "), "pod-template-hash: x1"];
  const proxy = "{ name: istio-proxy, image: proxy, args: [proxy, sidecar] }, ";
  return `${deployment(name, 1, labels, account)}
apiVersion: v1
kind: Pod
metadata:
  name: ${name}-x1-1
  namespace: shop
  labels: { ${[...own, ...(hasSidecar ? [tlsMode] : [])].join(", ")} }
  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: ${name}-x1, uid: u, controller: true }]
spec:
  serviceAccountName: ${account}
  containers: [${hasSidecar ? proxy : ""}{ name: app, image: app }]
status: { phase: Running, podIP: ${address}, conditions: [{ type: Ready, status: "True" }] }
---
`;
}

export function deployment(name: string, replicas: number, labels = `app: ${name}`, account = name): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop, uid: u }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { ${labels} } }
  template:
    metadata: { labels: { ${labels} } }
    spec: { serviceAccountName: ${account}, containers: [{ name: app, image: app }] }
---
`;
}

/** A Service "web" whose endpoints are these pods of workloads; port 80, at 8080 in the pods. */
export function web(
  pods: Readonly<Record<string, string>>,
  port = "{ name: http, port: 80, targetPort: 8080 }",
) {
  const endpoints = Object.entries(pods).map(
    ([name, address]) =>
      `{ addresses: [${address}], conditions: { ready: true }, targetRef: { kind: Pod, name: ${name}-x1-1, namespace: shop } }`,
  );
  const portName = /name: ([\w-]+)/.exec(port)?.[1] ?? "";
  return `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIP: 10.96.0.7, selector: { app: web }, ports: [${port}] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [${endpoints.join(", ")}]
ports: [{ name: ${portName}, port: 8080, protocol: TCP }]
---
`;
}

/** An east-west gateway of a network at an outer address, with its Gateway object that passes on *.local. */
export function eastWest(network: string, address: string, podAddress: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: eastwest, namespace: istio-system, labels: { topology.istio.io/network: ${network} } }
spec: { type: LoadBalancer, clusterIP: 10.96.0.9, selector: { istio: eastwest }, ports: [{ name: tls, port: 15443, targetPort: 15443 }] }
status: { loadBalancer: { ingress: [{ ip: ${address} }] } }
---
apiVersion: v1
kind: Pod
metadata: { name: eastwest-1, namespace: istio-system, labels: { istio: eastwest, topology.istio.io/network: ${network} } }
spec: { containers: [{ name: istio-proxy, image: proxy, args: [proxy, router], env: [{ name: ISTIO_META_REQUESTED_NETWORK_VIEW, value: ${network} }] }] }
status: { phase: Running, podIP: ${podAddress}, conditions: [{ type: Ready, status: "True" }] }
---
${crossNetworkGateway}`;
}

export const crossNetworkGateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: cross-network-gateway, namespace: istio-system }
spec:
  selector: { istio: eastwest }
  servers: [{ port: { number: 15443, name: tls, protocol: TLS }, tls: { mode: AUTO_PASSTHROUGH }, hosts: ["*.local"] }]
---
`;

/** The Secret by which a control plane reads another cluster. */
export function remoteSecret(cluster: string): string {
  return `
apiVersion: v1
kind: Secret
metadata: { name: istio-remote-secret-${cluster}, namespace: istio-system, labels: { istio/multiCluster: "true" } }
data: { ${cluster}: "" }
---
`;
}
