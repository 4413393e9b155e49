import type { Diagnostic } from "../../base/index.ts";
import { type Cluster, type ManifestEntry, type Mesh, stepsOf } from "../../mesh/index.ts";
import { givenNamespaces, namespaces } from "../outputs/namespaces.ts";
import { namesOffloadedTo } from "../outputs/offloaded-namespaces.ts";
import { isIstioResource } from "../outputs/user-manifests.ts";
import { isPrimary } from "../topology.ts";
import { isClusterWide } from "./cluster-wide.ts";
import type { ManifestContent, ManifestObject } from "./manifest-content.ts";

/** What is allowed but will not do what it seems to: Istio's resources on a remote, objects twice, namespaces that nothing makes. */
export function checkPlacement(mesh: Mesh, content: ManifestContent): Diagnostic[] {
  return [...mesh.clusters.values()].flatMap((cluster) => [
    ...istioOnRemote(cluster, mesh, content),
    ...twice(cluster, mesh, content),
    ...missingNamespaces(cluster, mesh, content),
  ]);
}

function objectsOf(
  cluster: Cluster,
  content: ManifestContent,
): (ManifestObject & { readonly entry: ManifestEntry })[] {
  return cluster.manifests.flatMap((entry) =>
    (content.objects.get(entry.from) ?? []).map((one) => ({ ...one, entry })),
  );
}

function warn(
  mesh: Mesh,
  code: Diagnostic["code"],
  entry: ManifestEntry,
  message: string,
  hint: string,
): Diagnostic {
  const path = stepsOf(entry.from);
  const range = mesh.places.at(path);
  return { severity: "warning", code, path, message, hint, ...(range === undefined ? {} : { range }) };
}

/** Only for entries of the remote itself: what is mesh-wide reaches the primary anyway. */
function istioOnRemote(cluster: Cluster, mesh: Mesh, content: ManifestContent): Diagnostic[] {
  if (isPrimary(cluster)) return [];
  const own = cluster.manifests.filter(({ from }) => from.startsWith(`clusters.${cluster.name}.`));
  return own.flatMap((entry) => {
    const left = (content.objects.get(entry.from) ?? []).filter(({ object }) => isIstioResource(object));
    if (left.length === 0) return [];
    const names = left.map(({ object }) => `${object.kind} ${object.metadata.name}`).join(", ");
    const why =
      cluster.role === "management"
        ? "runs no control plane"
        : `is remote: Istio reads configuration from ${cluster.primary}`;
    const hint = `put it under ${cluster.role === "management" ? "a workload cluster" : `clusters.${cluster.primary}.manifests`}`;
    return [warn(mesh, "manifest/istio-on-remote", entry, `${names} left out: ${cluster.name} ${why}`, hint)];
  });
}

function twice(cluster: Cluster, mesh: Mesh, content: ManifestContent): Diagnostic[] {
  const seen = new Map<string, ManifestObject>();
  return objectsOf(cluster, content).flatMap((one) => {
    const { apiVersion, kind, metadata } = one.object;
    const id = [apiVersion.split("/").at(-2) ?? "", kind, metadata.namespace ?? "", metadata.name].join("/");
    const before = seen.get(id);
    seen.set(id, one);
    if (before === undefined || JSON.stringify(before.object) === JSON.stringify(one.object)) return [];
    const message = `${kind} "${metadata.name}" is applied twice in ${cluster.name}, from ${before.file}:${before.line} and ${one.file}:${one.line}`;
    return [
      warn(mesh, "manifest/duplicate-object", one.entry, message, "the later one stays; leave one out"),
    ];
  });
}

function missingNamespaces(cluster: Cluster, mesh: Mesh, content: ManifestContent): Diagnostic[] {
  const objects = objectsOf(cluster, content);
  const made = new Set([
    ...givenNamespaces,
    ...namesOffloadedTo(cluster, mesh),
    ...namespaces(cluster, mesh).flatMap((item) =>
      item.kind === "object" ? [item.object.metadata.name] : [],
    ),
    ...objects.flatMap(({ object }) => (object.kind === "Namespace" ? [object.metadata.name] : [])),
  ]);
  const told = new Set<string>();
  return objects.flatMap(({ object, entry }) => {
    const { namespace } = object.metadata;
    if (namespace === undefined || made.has(namespace) || told.has(namespace) || isClusterWide(object))
      return [];
    told.add(namespace);
    const message = `nothing makes the namespace "${namespace}" of ${object.kind} "${object.metadata.name}" in ${cluster.name}`;
    return [
      warn(
        mesh,
        "manifest/namespace-missing",
        entry,
        message,
        "add it to namespaces, unless the cluster has it already",
      ),
    ];
  });
}
