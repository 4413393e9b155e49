import type { Diagnostic } from "../base/index.ts";
import { addressShape } from "../compile/index.ts";
import type { Cluster, ClusterProvider, Mesh, ProviderName } from "../mesh/index.ts";
import { allotNumbers, mostClusters, rangesOf } from "./allot-addresses.ts";
import {
  type ClusterToProvision,
  kubeconfigFile,
  type ProvisionCluster,
  type Provisioning,
} from "./contracts.ts";
import { provisionAks } from "./providers/aks.ts";
import { provisionEks } from "./providers/eks.ts";
import { provisionGke } from "./providers/gke.ts";
import { provisionKind } from "./providers/kind.ts";
import { provisionLiqo } from "./providers/liqo.ts";
import { provisionOke } from "./providers/oke.ts";
import { provisionVcluster } from "./providers/vcluster.ts";

interface ProviderParts {
  readonly provision: ProvisionCluster;
  /** What its tool has to be told. */
  readonly needs: readonly ("region" | keyof ClusterProvider)[];
  /** Most characters of a cluster's name there. */
  readonly longestName: number;
}

const providers: Readonly<Record<ProviderName, ProviderParts>> = {
  aks: { provision: provisionAks, needs: ["region"], longestName: 63 },
  eks: { provision: provisionEks, needs: ["region"], longestName: 100 },
  gke: { provision: provisionGke, needs: ["region", "project"], longestName: 40 },
  kind: { provision: provisionKind, needs: [], longestName: 50 },
  oke: { provision: provisionOke, needs: ["region"], longestName: 255 },
  vcluster: { provision: provisionVcluster, needs: ["host"], longestName: 40 },
};

/** What a mesh file leaves out that the tools of its providers have to be told; in the order of the file. */
export function checkProvisioning({ name: mesh, clusters, places }: Mesh): Diagnostic[] {
  return [...clusters.values()].flatMap((cluster) => {
    const { name, provider } = cluster;
    if (provider === undefined) return [];
    const { needs, longestName } = providers[provider.name];
    const at = ["clusters", name, "provider"];
    const about = { severity: "error", path: at } as const;
    const range = places.at(at);
    const diagnostic = (code: Diagnostic["code"], message: string, hint: string): Diagnostic => ({
      ...{ ...about, code, message, hint },
      ...(range === undefined ? {} : { range }),
    });
    const length = cloudNameOf(mesh, name).length;
    return [
      ...needs
        .filter((field) => (field === "region" ? cluster.region : provider[field]) === undefined)
        .map((field) =>
          field === "region"
            ? diagnostic(
                "mesh/missing-field",
                `"region" is missing: ${provider.name} creates clusters in one`,
                `write region under clusters.${name}`,
              )
            : diagnostic(
                "mesh/missing-field",
                `"${field}" is missing`,
                `write provider: { name: ${provider.name}, ${field}: … }`,
              ),
        ),
      ...(length > longestName
        ? [
            diagnostic(
              "mesh/bad-value",
              `"${cloudNameOf(mesh, name)}" can't be the name of a cluster of ${provider.name}: ${length} characters of at most ${longestName}`,
              "shorten the name of the mesh or of the cluster",
            ),
          ]
        : []),
    ];
  });
}

/**
 * What creates the clusters of a mesh that have a provider, and installs Liqo for its peerings. Pure: the same mesh and the
 * same `numbers` (of allotNumbers) give the same text.
 */
export function planProvisioning(mesh: Mesh, numbers: ReadonlyMap<string, number>): Provisioning {
  const wanted = new Map(
    [...mesh.clusters.values()].flatMap((cluster) => {
      const { name, provider } = cluster;
      const number = numbers.get(name);
      if (provider === undefined || number === undefined) return [];
      const what = {
        mesh,
        cluster,
        provider,
        cloudName: cloudNameOf(mesh.name, name),
        ranges: rangesOf(number),
      };
      return [[name as string, what] as const];
    }),
  );
  const byCluster = new Map(
    [...wanted].map(([name, what]) => {
      const neighbours = [...wanted.values()]
        .filter((other) => other !== what && areNeighbours(mesh, what.cluster, other.cluster))
        .map((other): ClusterToProvision => ({ ...other, neighbours: [] }));
      return [name, providers[what.provider.name].provision({ ...what, neighbours })] as const;
    }),
  );
  const parts = [...byCluster.values()];
  const liqo = provisionLiqo(mesh, (name) => {
    const cluster = [...mesh.clusters.values()].find((one) => one.name === name);
    const ranges = wanted.get(name)?.ranges;
    if (cluster === undefined) return undefined;
    const { pods = ranges?.pods } = byCluster.get(name) ?? {};
    return {
      cluster,
      ...(ranges === undefined || pods === undefined ? {} : { ranges: { ...ranges, pods } }),
    };
  });
  return {
    files: new Map(parts.flatMap(({ files }) => [...(files ?? [])])),
    steps: [
      ...parts.flatMap(({ steps }) => steps),
      ...parts.flatMap(({ afterwards = [] }) => afterwards),
      ...liqo,
    ],
    kubeconfigs: [...new Set([kubeconfigFile, ...parts.flatMap(({ kubeconfig }) => kubeconfig ?? [])])],
    notes: [
      ...parts.flatMap(({ notes = [] }) => notes),
      ...acrossProviders(mesh, [...wanted.values()]),
      ...[...wanted.values()]
        .filter(({ provider }) => addressShape(provider.name) === "hostname")
        .map(({ cluster }) => `Gateways of ${cluster.name} get names for addresses, which istiod resolves.`),
    ],
  };
}

/** Numbers for a mesh's provisioned clusters; throws nothing: clusters beyond the last number are told by `tooMany`. */
export function numberClusters(
  mesh: Mesh,
  before: ReadonlyMap<string, number>,
): { readonly numbers: ReadonlyMap<string, number>; readonly tooMany: boolean } {
  const names = [...mesh.clusters.values()]
    .filter(({ provider }) => provider !== undefined)
    .map(({ name }) => name);
  const numbers = allotNumbers(names, before);
  return { numbers, tooMany: names.some((name) => !numbers.has(name)) || names.length > mostClusters };
}

function cloudNameOf(mesh: string, cluster: string): string {
  return `${mesh}-${cluster}`.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
}

/** Whether the pods of two clusters reach each other by IP, in a way that one provider can make. */
function areNeighbours(mesh: Mesh, one: Cluster, other: Cluster): boolean {
  return one.provider?.name === other.provider?.name && areOnOneNetwork(mesh, one, other);
}

function areOnOneNetwork({ discovery, peerings }: Mesh, one: Cluster, other: Cluster): boolean {
  // Liqo lets the pods of a peering reach each other.
  const peered = peerings.some(({ consumer, provider }) =>
    [one, other].every(({ name }) => name === consumer || name === provider),
  );
  if (peered) return false;
  if ([one, other].some(({ role }) => role === "management")) return false;
  if (one.network === undefined && discovery === "exports") return false;
  return one.network === other.network;
}

function acrossProviders(
  mesh: Mesh,
  all: readonly Omit<ClusterToProvision, "neighbours">[],
): readonly string[] {
  return all.flatMap((one, index) =>
    all
      .slice(index + 1)
      .filter(
        (other) =>
          one.provider.name !== other.provider.name && areOnOneNetwork(mesh, one.cluster, other.cluster),
      )
      .map(
        (other) =>
          `${one.cluster.name} (${one.provider.name}) and ${other.cluster.name} (${other.provider.name}) are on one network: connect ${one.ranges.all} and ${other.ranges.all} by a VPN, or give each a network of its own in the mesh file.`,
      ),
  );
}
