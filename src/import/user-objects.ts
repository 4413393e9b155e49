import {
  groupVersion,
  type KubeObject,
  key,
  managedBy,
  managementNamespace,
  objectKey,
  systemNamespace,
} from "../kube/index.ts";
import { type FoundGateway, passingPort } from "./find-gateways.ts";
import type { LiveCluster } from "./read-live.ts";
import { lastApplied, writtenForm } from "./written-form.ts";

/** What a user put into a cluster, and what of it a mesh file can't carry. */
export interface UserObjects {
  /** By file name: "shop.yaml" for a namespace, "cluster-wide.yaml". */
  readonly files: ReadonlyMap<string, readonly KubeObject[]>;
  /** Charts that are no part of Istio. */
  readonly charts: LiveCluster["releases"];
  /** In sentences. */
  readonly notes: readonly string[];
}

export interface UserObjectsOptions {
  readonly isPrimary: boolean;
  readonly gateways: readonly FoundGateway[];
  /** Namespaces that offloading brings here: their objects are another cluster's. */
  readonly offloaded: ReadonlySet<string>;
  /** Objects that the mesh file makes by itself, or says in another way, by `objectId`. */
  readonly generated: ReadonlySet<string>;
  /** Names of add-ons that the mesh file has. */
  readonly addons: readonly string[];
}

const istioCharts = new Set(["base", "istiod", "gateway", "cni", "ztunnel"]);
/** Made in every namespace by controllers. */
const given = new Set([
  "ServiceAccount default",
  "ConfigMap kube-root-ca.crt",
  "ConfigMap istio-ca-root-cert",
  "Service kubernetes",
]);
/** Kept by whoever runs clusters, or part of a mesh's own machinery. */
const platformNamespace = /^(kube-.*|liqo|liqo-tenant-.*|local-path-storage|gke-.*|istio-operator)$/;
const platformGroup =
  /(^|\.)(k8s\.io|liqo\.io|isthmus\.dev|metallb\.io|gke\.io|amazonaws\.com|eks\.amazonaws\.com|install\.istio\.io)$/;

/** What tells objects apart, whatever the version of their kind. */
export function objectId(object: KubeObject): string {
  return `${groupVersion(object.apiVersion).group} ${object.kind} ${objectKey(object)}`;
}

/** Finds what a user wrote; never the values of a Secret. */
export function findUserObjects(live: LiveCluster, options: UserObjectsOptions): UserObjects {
  const ofReleases = new Set(
    live.releases.flatMap(({ objects, namespace }) =>
      objects.flatMap((object) => [
        objectId(object),
        `${groupVersion(object.apiVersion).group} ${object.kind} ${key(object.metadata.name, namespace)}`,
      ]),
    ),
  );
  const files = new Map<string, KubeObject[]>();
  const notes: string[] = [];
  const gatewayNames = new Set(
    options.gateways.flatMap(({ deployment, service }) =>
      [deployment, service].flatMap((one) => (one === undefined ? [] : [objectId(one)])),
    ),
  );
  for (const object of live.objects) {
    const id = objectId(object);
    if (ofReleases.has(id) || options.generated.has(id) || gatewayNames.has(id)) continue;
    if (isMade(object) || !isInUserPlace(object, options)) continue;
    const { kind, metadata } = object;
    if (kind === "Secret") {
      if (isWrittenSecret(object))
        notes.push(`Secret ${objectKey(object)} is not in the file: its values stay where they are`);
      continue;
    }
    if (isIstio(object) && !options.isPrimary) {
      notes.push(`${kind} ${objectKey(object)} has no effect: no control plane reads it there`);
      continue;
    }
    if (metadata.namespace === systemNamespace) {
      const note = systemNote(object, options);
      if (note !== undefined) notes.push(note);
      // Of Kubernetes' own kinds, what is there is Istio's.
      if (note !== undefined || !isExtension(object)) continue;
    }
    const file = metadata.namespace === undefined ? "cluster-wide.yaml" : `${metadata.namespace}.yaml`;
    files.set(file, [...(files.get(file) ?? []), writtenForm(object)]);
  }
  const charts = live.releases.filter(({ chart }) => !istioCharts.has(chart.name));
  return { files: sorted(files), charts, notes };
}

/** Controllers', Helm's and isthmus' own. */
function isMade({ kind, metadata }: KubeObject): boolean {
  const {
    ownerReferences = [],
    deletionTimestamp,
    labels = {},
    annotations = {},
    managedFields = [],
  } = metadata;
  const manager = labels["app.kubernetes.io/managed-by"];
  return (
    kind === "Namespace" ||
    kind === "Node" ||
    ownerReferences.length > 0 ||
    deletionTimestamp !== undefined ||
    given.has(`${kind} ${metadata.name}`) ||
    manager === managedBy ||
    manager === "Helm" ||
    annotations["meta.helm.sh/release-name"] !== undefined ||
    managedFields.some(
      ({ manager: by, subresource }) => subresource === undefined && by.startsWith(`${managedBy}-`),
    )
  );
}

function isInUserPlace(object: KubeObject, { offloaded }: UserObjectsOptions): boolean {
  const { namespace, annotations, managedFields = [] } = object.metadata;
  const { group } = groupVersion(object.apiVersion);
  if (platformGroup.test(group) && !/^(networking|policy|gateway\.networking)\.k8s\.io$/.test(group))
    return false;
  if (namespace !== undefined)
    return (
      namespace !== managementNamespace && !platformNamespace.test(namespace) && !offloaded.has(namespace)
    );
  if (object.kind === "CustomResourceDefinition") return false;
  // Kubernetes itself comes with many: a user's say so.
  return (
    annotations?.[lastApplied] !== undefined || managedFields.some(({ operation }) => operation === "Apply")
  );
}

function isIstio({ apiVersion }: KubeObject): boolean {
  return groupVersion(apiVersion).group.endsWith(".istio.io");
}

/** Of a kind that somebody added to Kubernetes. */
function isExtension({ apiVersion }: KubeObject): boolean {
  const { group } = groupVersion(apiVersion);
  return group.includes(".") && !group.endsWith(".k8s.io");
}

function isWrittenSecret(object: KubeObject): boolean {
  const { metadata } = object;
  const type = typeof object["type"] === "string" ? object["type"] : "Opaque";
  const isIssued = metadata.annotations?.["cert-manager.io/certificate-name"] !== undefined;
  return (
    metadata.namespace !== systemNamespace &&
    !isIssued &&
    !["kubernetes.io/service-account-token", "helm.sh/release.v1", "istio.io/key-and-cert"].includes(type)
  );
}

/** Why an object in Istio's namespace is not in the file; undefined when it can be. */
function systemNote(object: KubeObject, { addons }: UserObjectsOptions): string | undefined {
  const { kind, metadata } = object;
  const { labels = {} } = metadata;
  const name = `${kind} ${objectKey(object)}`;
  if (kind === "Gateway" && isIstio(object) && passingPort(object) !== undefined)
    return `${name} opens the mesh to other networks; the file makes a Gateway of its own for it`;
  if (isIstio(object)) {
    return /^istiod-(gateway|vs)$/.test(metadata.name)
      ? `${name} opens istiod to remotes; the file makes it by itself`
      : undefined;
  }
  const workloads = ["Deployment", "StatefulSet", "DaemonSet"];
  const isOfIstio =
    labels["app"] === "istiod" || labels["istio"] !== undefined || labels["release"] === "istio";
  if (!workloads.includes(kind) || isOfIstio || addons.includes(metadata.name)) return undefined;
  return `${name} is in Istio's namespace and not in the file: move it to a namespace of its own, or name its chart`;
}

function sorted(
  files: ReadonlyMap<string, readonly KubeObject[]>,
): ReadonlyMap<string, readonly KubeObject[]> {
  const first = new Map([
    ["ServiceAccount", 0],
    ["ConfigMap", 1],
    ["Service", 2],
  ]);
  const order = ({ kind, metadata }: KubeObject) => `${first.get(kind) ?? 3} ${kind} ${metadata.name}`;
  return new Map(
    [...files]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([file, objects]) => [file, [...objects].sort((a, b) => (order(a) < order(b) ? -1 : 1))]),
  );
}
