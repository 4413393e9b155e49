import type { KubeObject } from "../../kube/index.ts";
import type { ChartReference } from "../compiled.ts";
import { yamlText } from "../render/yaml-text.ts";
import { chartSource } from "./chart-source.ts";
import type { GitopsOptions, Unit } from "./contracts.ts";

const namespace = "argocd";
/** Of many objects; the longest wait is for a load balancer. */
const syncPolicy = {
  automated: { prune: true, selfHeal: true },
  syncOptions: ["ServerSideApply=true"],
  retry: { limit: 10, backoff: { duration: "10s", factor: 2, maxDuration: "3m" } },
};

/** Istiod writes these itself; taken for drift they would be put back without end. */
const ignoreDifferences = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"].map((kind) => ({
  group: "admissionregistration.k8s.io",
  kind,
  jqPathExpressions: [".webhooks[]?.clientConfig.caBundle", ".webhooks[]?.failurePolicy"],
}));

/**
 * Applications for Argo CD: one for each unit and chart of every cluster, in sync waves, and one above them (`root.yaml`) to
 * apply by hand. A cluster is a destination of its name.
 */
export function argocdFiles(units: readonly Unit[], options: GitopsOptions): ReadonlyMap<string, string> {
  const byCluster = new Map<string, KubeObject[]>();
  for (const unit of units) {
    const applications = [
      ...unit.charts.flatMap((chart, index) => chartApplication(chart, unit, index, options)),
      ...(unit.folder === undefined ? [] : [folderApplication(unit, unit.folder, options)]),
    ];
    byCluster.set(unit.cluster, [...(byCluster.get(unit.cluster) ?? []), ...applications]);
  }
  const root = application("root", 0, options, {
    source: { ...gitSource(options, "argocd/clusters"), directory: { recurse: true } },
    destination: { name: "in-cluster", namespace },
    syncPolicy,
  });
  return new Map([
    ["argocd/root.yaml", yamlText(root)],
    ...[...byCluster].map(
      ([cluster, applications]) =>
        [`argocd/clusters/${cluster}.yaml`, applications.map(yamlText).join("---\n")] as const,
    ),
  ]);
}

function application(name: string, wave: number, { mesh }: GitopsOptions, spec: object): KubeObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: {
      name: `${mesh}-${name}`,
      namespace,
      labels: { "app.kubernetes.io/part-of": mesh },
      ...(wave === 0 ? {} : { annotations: { "argocd.argoproj.io/sync-wave": String(wave) } }),
    },
    spec: { project: "default", ...spec },
  };
}

function folderApplication(unit: Unit, folder: string, options: GitopsOptions): KubeObject {
  return application(`${unit.cluster}-${unit.name}`, unit.order, options, {
    source: { ...gitSource(options, folder), directory: { recurse: false } },
    destination: { name: unit.cluster },
    syncPolicy,
  });
}

function chartApplication(
  chart: ChartReference,
  unit: Unit,
  index: number,
  options: GitopsOptions,
): readonly KubeObject[] {
  const source = chartSource(chart);
  if (source === undefined) return [];
  return [
    application(`${unit.cluster}-${chart.name}`, unit.order + index, options, {
      source: {
        repoURL: source.url,
        chart: source.chart,
        targetRevision: chart.version ?? "*",
        helm: { releaseName: chart.name, valuesObject: chart.values },
      },
      destination: { name: unit.cluster, namespace: chart.namespace },
      ignoreDifferences,
      syncPolicy: {
        ...syncPolicy,
        syncOptions: [...syncPolicy.syncOptions, "RespectIgnoreDifferences=true"],
      },
    }),
  ];
}

function gitSource({ repository, revision, path }: GitopsOptions, folder: string) {
  return { repoURL: repository, targetRevision: revision, path: path === "" ? folder : `${path}/${folder}` };
}
