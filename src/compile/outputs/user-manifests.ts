import { groupVersion, type KubeObject } from "../../kube/index.ts";
import type { Cluster, ManifestEntry } from "../../mesh/index.ts";
import type { CompiledItem, Wave } from "../compiled.ts";
import type { ManifestContent, ManifestObject } from "../manifests/manifest-content.ts";
import { isPrimary } from "../topology.ts";

/**
 * The user's own manifests of a cluster, in the order of the mesh file, with nothing added to them but the
 * namespace that the entry gives. Istio's resources are left out on a remote, where no control plane reads them.
 */
export function userManifests(cluster: Cluster, content: ManifestContent): CompiledItem[] {
  return cluster.manifests.flatMap((entry): CompiledItem[] => {
    if (entry.kind === "chart") return [chartItem(entry, content)];
    return (content.objects.get(entry.from) ?? [])
      .filter(({ object }) => isPrimary(cluster) || !isIstioResource(object))
      .map(
        (one): CompiledItem => ({
          kind: "object",
          wave: waveOf(entry),
          object: one.object,
          from: entry.from,
          writtenAt: writtenAt(one),
        }),
      );
  });
}

/** Whether an object belongs to one of Istio's groups, which istiod reads in its own cluster only. */
export function isIstioResource({ apiVersion }: KubeObject): boolean {
  const { group } = groupVersion(apiVersion);
  return group === "istio.io" || group.endsWith(".istio.io");
}

function waveOf({ forTrust }: ManifestEntry): Wave {
  return forTrust === true ? "trust" : "manifests";
}

function writtenAt({ file, line }: ManifestObject): string {
  return `${file}:${line}`;
}

function chartItem(entry: Extract<ManifestEntry, { kind: "chart" }>, content: ManifestContent): CompiledItem {
  const { name, chart, repo, version, namespace = "default", from } = entry;
  const values = withSet(content.values.get(entry.from) ?? {}, entry.set);
  return {
    kind: "chart",
    wave: waveOf(entry),
    chart: {
      name,
      namespace,
      chart,
      ...(repo === undefined ? {} : { repo }),
      ...(version === undefined ? {} : { version }),
      values,
      from,
    },
  };
}

/** `values` with Helm's --set: "crds.enabled" goes one level deeper, "\." is a dot in a name. */
function withSet(values: Readonly<Record<string, unknown>>, set: Readonly<Record<string, unknown>>) {
  return Object.entries(set).reduce<Readonly<Record<string, unknown>>>(
    (all, [path, value]) =>
      setAt(
        all,
        path.split(/(?<!\\)\./).map((name) => name.replaceAll("\\.", ".")),
        value,
      ),
    values,
  );
}

function setAt(
  values: Readonly<Record<string, unknown>>,
  [name = "", ...rest]: readonly string[],
  value: unknown,
): Readonly<Record<string, unknown>> {
  if (rest.length === 0) return { ...values, [name]: value };
  const below = values[name];
  const map =
    typeof below === "object" && below !== null && !Array.isArray(below)
      ? (below as Record<string, unknown>)
      : {};
  return { ...values, [name]: setAt(map, rest, value) };
}
