import type { KubeObject } from "../../kube/index.ts";
import type { ChartReference } from "../compiled.ts";
import { yamlText } from "../render/yaml-text.ts";
import { type ChartSource, chartSource } from "./chart-source.ts";
import type { GitopsOptions, Unit } from "./contracts.ts";

const namespace = "flux-system";
/** The longest wait is for a load balancer. */
const timeout = "10m";

/**
 * For Flux in each cluster: `flux/CLUSTER/mesh.yaml` to apply by hand or to have among a cluster's own, with the repositories
 * and a Kustomization for each unit that depends on the one before; charts are HelmReleases in a unit's folder.
 */
export function fluxFiles(units: readonly Unit[], options: GitopsOptions): ReadonlyMap<string, string> {
  const clusters = [...new Set(units.map(({ cluster }) => cluster))];
  return new Map(
    clusters.flatMap((cluster) => {
      const own = units.filter((unit) => unit.cluster === cluster);
      const kustomizations = own.map((unit, index) => kustomization(unit, own[index - 1], options));
      return [
        [
          `flux/${cluster}/mesh.yaml`,
          [
            gitRepository(options),
            ...helmRepositories(own.flatMap(({ charts }) => charts)),
            ...kustomizations,
          ]
            .map(yamlText)
            .join("---\n"),
        ] as const,
        ...own
          .filter(({ charts }) => charts.length > 0)
          .map(
            (unit) =>
              [
                `${folderOf(unit)}/charts.yaml`,
                helmReleases(unit.charts).map(yamlText).join("---\n"),
              ] as const,
          ),
      ];
    }),
  );
}

function folderOf({ cluster, name, folder }: Unit): string {
  return folder ?? `${cluster}/${name}`;
}

function gitRepository({ mesh, repository, revision }: GitopsOptions): KubeObject {
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  return {
    apiVersion: "source.toolkit.fluxcd.io/v1",
    kind: "GitRepository",
    metadata: { name: mesh, namespace },
    spec: { interval: "1m", url: repository, ref: isCommit ? { commit: revision } : { branch: revision } },
  };
}

function kustomization(unit: Unit, before: Unit | undefined, { mesh, path }: GitopsOptions): KubeObject {
  const folder = folderOf(unit);
  return {
    apiVersion: "kustomize.toolkit.fluxcd.io/v1",
    kind: "Kustomization",
    metadata: { name: `${mesh}-${unit.name}`, namespace },
    spec: {
      interval: "10m",
      retryInterval: "1m",
      timeout,
      path: path === "" ? `./${folder}` : `./${path}/${folder}`,
      prune: true,
      wait: true,
      sourceRef: { kind: "GitRepository", name: mesh },
      ...(before === undefined ? {} : { dependsOn: [{ name: `${mesh}-${before.name}` }] }),
    },
  };
}

interface FoundChart {
  readonly chart: ChartReference;
  readonly source: ChartSource;
}

function foundCharts(charts: readonly ChartReference[]): readonly FoundChart[] {
  return charts.flatMap((chart) => {
    const source = chartSource(chart);
    return source === undefined ? [] : [{ chart, source }];
  });
}

/** Each repository once, whatever comes from it. */
function helmRepositories(charts: readonly ChartReference[]): readonly KubeObject[] {
  const repositories = new Map(foundCharts(charts).map(({ source }) => [repositoryName(source.url), source]));
  return [...repositories].map(([name, { url, isOci }]) => ({
    apiVersion: "source.toolkit.fluxcd.io/v1",
    kind: "HelmRepository",
    metadata: { name, namespace },
    spec: { interval: "1h", ...(isOci ? { type: "oci", url: `oci://${url}` } : { url }) },
  }));
}

/** The releases of a unit, each after the one before. */
function helmReleases(charts: readonly ChartReference[]): readonly KubeObject[] {
  const found = foundCharts(charts);
  return found.map(({ chart, source }, index) => ({
    apiVersion: "helm.toolkit.fluxcd.io/v2",
    kind: "HelmRelease",
    metadata: { name: chart.name, namespace },
    spec: {
      interval: "10m",
      timeout,
      releaseName: chart.name,
      targetNamespace: chart.namespace,
      storageNamespace: chart.namespace,
      ...(index === 0 ? {} : { dependsOn: [{ name: found[index - 1]?.chart.name }] }),
      chart: {
        spec: {
          chart: source.chart,
          ...(chart.version === undefined ? {} : { version: chart.version }),
          sourceRef: { kind: "HelmRepository", name: repositoryName(source.url) },
        },
      },
      install: { crds: "Create", remediation: { retries: 3 } },
      upgrade: { crds: "CreateReplace", remediation: { retries: 3 } },
      values: chart.values,
    },
  }));
}

/** A name made of a repository's address, which differs where addresses do. */
function repositoryName(url: string): string {
  return url
    .replace(/^https?:\/\//, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 63);
}
