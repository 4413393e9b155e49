import { randomUUID } from "node:crypto";
import { type KubeObject, serviceNameLabel } from "../../kube/index.ts";
import { defaultClassAnnotation } from "../admission/claim-admission.ts";
import { defaultClusterRoleBindings, defaultClusterRoles } from "../authorization/default-roles.ts";
import { type Draft, draftOf } from "../draft.ts";
import type { Store } from "../storage/store.ts";
import { namespaceFinalizer } from "../strategies/core-kinds.ts";
import { keyOf } from "../verbs/context.ts";

/** What the first objects of a cluster depend on. */
export interface BootstrapOptions {
  /** RFC 3339. */
  readonly now: string;
  /** Where the API server listens; behind the Service "kubernetes". */
  readonly endpoint: { readonly host: string; readonly port: number };
  /** ClusterIP of the Service "kubernetes": the first of the range. */
  readonly serviceAddress: string;
}

/** Stores the objects that every cluster has from its beginning, as far as they are missing. */
export function bootstrap(store: Store, options: BootstrapOptions): void {
  for (const [resource, object] of firstObjects(options)) {
    const key = keyOf(object.metadata.name, object.metadata.namespace);
    if (store.resource(resource).get(key) !== undefined) continue;
    const draft: Draft = draftOf(object);
    draft.metadata = { ...draft.metadata, uid: randomUUID(), creationTimestamp: options.now };
    store.resource(resource).put(key, draft);
  }
  pointAtServer(store, options);
}

const labels = { component: "apiserver", provider: "kubernetes" };
const slices = "endpointslices.discovery.k8s.io";

function firstObjects({ serviceAddress, now }: BootstrapOptions): [resource: string, object: KubeObject][] {
  const namespace = (name: string): [string, KubeObject] => [
    "namespaces",
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
      spec: { finalizers: [namespaceFinalizer] },
      status: { phase: "Active" },
    },
  ];
  const priorityClass = (name: string, value: number): [string, KubeObject] => [
    "priorityclasses.scheduling.k8s.io",
    {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name, generation: 1 },
      value,
      preemptionPolicy: "PreemptLowerPriority",
      description: "Used for system critical pods.",
    },
  ];
  return [
    ...["default", "kube-system", "kube-public", "kube-node-lease"].map(namespace),
    priorityClass("system-cluster-critical", 2_000_000_000),
    priorityClass("system-node-critical", 2_000_001_000),
    ...defaultClusterRoles().map((role): [string, KubeObject] => [
      "clusterroles.rbac.authorization.k8s.io",
      role,
    ]),
    ...defaultClusterRoleBindings().map((one): [string, KubeObject] => [
      "clusterrolebindings.rbac.authorization.k8s.io",
      one,
    ]),
    ["apiservices.apiregistration.k8s.io", metricsApi(now)],
    [
      "storageclasses.storage.k8s.io",
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name: "standard", annotations: { [defaultClassAnnotation]: "true" } },
        provisioner: "folder.isthmus.dev",
        reclaimPolicy: "Delete",
        volumeBindingMode: "Immediate",
      },
    ],
    [
      "services",
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "kubernetes", namespace: "default", labels },
        spec: {
          clusterIP: serviceAddress,
          clusterIPs: [serviceAddress],
          internalTrafficPolicy: "Cluster",
          ipFamilies: ["IPv4"],
          ipFamilyPolicy: "SingleStack",
          ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: 6443 }],
          sessionAffinity: "None",
          type: "ClusterIP",
        },
        status: { loadBalancer: {} },
      },
    ],
  ];
}

/** The resource metrics API, which this server answers itself, where clusters have metrics-server. */
function metricsApi(now: string): KubeObject {
  const condition = {
    type: "Available",
    status: "True",
    reason: "Local",
    message: "Local APIServices are always available",
    lastTransitionTime: now,
  };
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1beta1.metrics.k8s.io" },
    spec: { group: "metrics.k8s.io", version: "v1beta1", groupPriorityMinimum: 100, versionPriority: 100 },
    status: { conditions: [condition] },
  };
}

/** Lets the Service "kubernetes" lead to this server, whose address may differ from the last run's. */
function pointAtServer(store: Store, { endpoint, now }: BootstrapOptions): void {
  const metadata = { name: "kubernetes", namespace: "default" };
  const common = { uid: randomUUID(), creationTimestamp: now };
  const wanted: [resource: string, object: KubeObject][] = [
    [
      "endpoints",
      {
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: { ...metadata, ...common, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
        subsets: [
          {
            addresses: [{ ip: endpoint.host }],
            ports: [{ name: "https", port: endpoint.port, protocol: "TCP" }],
          },
        ],
      },
    ],
    [
      slices,
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          ...metadata,
          ...common,
          generation: 1,
          labels: { [serviceNameLabel]: "kubernetes" },
        },
        addressType: "IPv4",
        endpoints: [{ addresses: [endpoint.host], conditions: { ready: true } }],
        ports: [{ name: "https", port: endpoint.port, protocol: "TCP" }],
      },
    ],
  ];
  for (const [resource, object] of wanted) {
    const present = store.resource(resource).get("default/kubernetes");
    const content = JSON.stringify([object["subsets"], object["endpoints"], object["ports"]]);
    if (
      present !== undefined &&
      JSON.stringify([present["subsets"], present["endpoints"], present["ports"]]) === content
    )
      continue;
    store.resource(resource).put("default/kubernetes", draftOf(object));
  }
}
