import type { EndpointSlice, KubeObject, Pod, Secret, Service } from "../../../kube/index.ts";

/** A Service with one port. */
export function testService(
  name: string,
  port: { readonly port: number; readonly name: string } = { port: 80, name: "http" },
): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "sample" },
    spec: { clusterIP: "10.96.0.7", selector: { app: name }, ports: [{ ...port, targetPort: 8080 }] },
  };
}

/** Its EndpointSlice with these addresses; pods of the same names stand behind them. */
export function testSlice(service: string, addresses: readonly string[], portName = "http"): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${service}-1`,
      namespace: "sample",
      labels: { "kubernetes.io/service-name": service },
    },
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready: true },
      targetRef: { kind: "Pod", name: podName(service, address), namespace: "sample" },
    })),
    ports: [{ name: portName, port: 8080 }],
  };
}

const podName = (service: string, address: string) => `${service}-${address.replaceAll(".", "-")}`;

/** A pod of the service with a sidecar. */
export function testPod(service: string, address: string): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: podName(service, address),
      namespace: "sample",
      labels: { app: service, "security.istio.io/tlsMode": "istio" },
    },
    spec: { containers: [], serviceAccountName: service },
    status: { phase: "Running", podIP: address },
  };
}

export function testNamespace(name: string, labels: Readonly<Record<string, string>> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** The kubeconfig that leads to the test mesh's API `name`; `user` is its user's entry. */
export function testKubeconfig(name: string, user: object = { token: "t" }): string {
  return JSON.stringify({
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: name, user: "u" } }],
    clusters: [{ name, cluster: { server: "https://api.test" } }],
    users: [{ name: "u", user }],
  });
}

/** A remote secret. Each value is the name of an API of the test mesh, or a kubeconfig as it is. */
export function remoteSecret(
  name: string,
  clusters: Readonly<Record<string, string>>,
  creationTimestamp?: string,
): Secret {
  const text = (value: string) => (value.startsWith("{") ? value : testKubeconfig(value));
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace: "istio-system",
      labels: { "istio/multiCluster": "true" },
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    data: Object.fromEntries(
      Object.entries(clusters).map(([id, value]) => [id, Buffer.from(text(value)).toString("base64")]),
    ),
  };
}
