import { consumerOf } from "../build/peering-of.ts";
import type { WrittenMesh } from "../sections/mesh-section.ts";
import { error, type Finding } from "./finding.ts";

/** Suffixes that Kubernetes' own names end in. */
const takenSuffixes = ["local", "cluster.local", "svc", "svc.cluster.local"];

/**
 * Networks: all workload clusters have one or none, but a provider has its consumer's; and what `discovery` allows. Clusters of `misread`, where a
 * field of the cluster itself was wrong, are not said to lack a network: it may be the one that was meant.
 */
export function checkNetworks(mesh: WrittenMesh, misread: ReadonlySet<string>): Finding[] {
  const { clusters = new Map(), discovery = "endpoints", hostSuffix, workspaces = new Map() } = mesh;
  if (discovery === "exports") {
    if (hostSuffix === undefined || !takenSuffixes.includes(hostSuffix)) return [];
    const message = `"${hostSuffix}" is the end of Kubernetes' own names`;
    return [error("mesh/bad-value", ["hostSuffix"], message, "use another suffix, for example global")];
  }
  const workload = [...clusters].filter(([, { role }]) => role !== "management");
  const withNetwork = workload.find(([, { network }]) => network !== undefined);
  const without =
    withNetwork === undefined
      ? []
      : workload.filter(
          ([name, { network }]) =>
            network === undefined && !misread.has(name) && consumerOf(mesh, name) === undefined,
        );
  return [
    ...without.map(([name]) =>
      error(
        "mesh/network-on-some",
        ["clusters", name],
        `"${name}" has no network, but "${withNetwork?.[0]}" has`,
        "give every workload cluster a network, or none",
        "key",
      ),
    ),
    ...(hostSuffix === undefined ? [] : [onlyWithExports(["hostSuffix"])]),
    ...workload.flatMap(([name, { exports }]) =>
      exports === undefined ? [] : [onlyWithExports(["clusters", name, "exports"])],
    ),
    ...[...workspaces].flatMap(([name, { exports }]) =>
      exports === undefined ? [] : [onlyWithExports(["workspaces", name, "exports"])],
    ),
  ];
}

function onlyWithExports(path: readonly string[]): Finding {
  const message = `"${path.at(-1)}" has no meaning while every service is seen by all clusters`;
  return error("mesh/field-not-here", path, message, "add discovery: exports, or leave it out", "key");
}
