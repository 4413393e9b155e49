import { generated, systemNamespace } from "../../kube/index.ts";
import type { Addon, Cluster, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import type { ManifestContent } from "../manifests/manifest-content.ts";
import { isPrimary, remotesOf } from "../topology.ts";

/** Name of the provider that the add-on jaeger is. */
const provider = "zipkin";

/** MeshConfig's extension provider for the add-on jaeger, its own or a remote's; none without it. */
export function tracingProviders(primary: Cluster, mesh: Mesh): Readonly<Record<string, unknown>>[] {
  const jaeger = jaegerFor(primary, mesh);
  if (jaeger === undefined) return [];
  const service = `zipkin.${jaeger.namespace}.svc.cluster.local`;
  return [{ name: provider, zipkin: { service, port: 9411 } }];
}

/**
 * With the add-on jaeger: a Telemetry that has every request of the mesh traced, so that one is enough to see a trace.
 * Left out when the user's manifests say themselves what the whole mesh traces.
 */
export function tracing(cluster: Cluster, mesh: Mesh, manifests: ManifestContent): CompiledItem[] {
  const jaeger = isPrimary(cluster) ? jaegerFor(cluster, mesh) : undefined;
  if (jaeger === undefined || saysItself(cluster, manifests)) return [];
  const object = {
    apiVersion: "telemetry.istio.io/v1",
    kind: "Telemetry",
    metadata: { name: "tracing", namespace: systemNamespace },
    spec: { tracing: [{ providers: [{ name: provider }], randomSamplingPercentage: 100 }] },
  };
  const { from } = jaeger;
  return [{ kind: "object", wave: "manifests", from, object: generated(object, from) }];
}

/** The jaeger that proxies of this control plane report to: the cluster's own, else that of a remote. */
function jaegerFor(primary: Cluster, mesh: Mesh): Addon | undefined {
  return [primary, ...remotesOf(mesh, primary)]
    .flatMap(({ addons }) => addons)
    .find(({ name }) => name === "jaeger");
}

/** Whether a Telemetry of the user's is about the traces of all workloads. */
function saysItself({ manifests }: Cluster, { objects }: ManifestContent): boolean {
  return manifests
    .flatMap(({ from }) => objects.get(from) ?? [])
    .some(({ object }) => {
      const spec = (object["spec"] ?? {}) as Readonly<Record<string, unknown>>;
      return (
        object.kind === "Telemetry" &&
        object.metadata.namespace === systemNamespace &&
        ["selector", "targetRef", "targetRefs"].every((field) => spec[field] === undefined) &&
        spec["tracing"] !== undefined
      );
    });
}
