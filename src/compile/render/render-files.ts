import type { KubeObject, Secret } from "../../kube/index.ts";
import { type ChartReference, type Compiled, type CompiledItem, type Wave, waves } from "../compiled.ts";
import { istioOperator } from "./istio-operator.ts";
import { prefixes } from "./prefixes.ts";
import { yamlText } from "./yaml-text.ts";

/** Options of renderFiles. */
export interface RenderOptions {
  /** Whether the data of the user's own Secrets is written. What isthmus makes itself never is. */
  readonly includeSecrets: boolean;
}

/**
 * What was compiled as YAML files: "fra/40-gateways.yaml" has the objects of one wave in order, so that
 * `kubectl apply -f fra/` applies them, and "fra/charts/30-istiod.yaml" names a chart, with its values for
 * `helm -f` beside it, and for istiod what `istioctl install -f` takes. Sorted by path and stable: the same mesh gives the same text.
 */
export function renderFiles(compiled: Compiled, options: RenderOptions): Map<string, string> {
  const files = [...compiled.clusters].flatMap(([cluster, items]) => [
    ...waves.flatMap((wave) => {
      const documents = items.flatMap((item) => (item.wave === wave ? documentsOf(item, options) : []));
      return documents.length === 0
        ? []
        : [[`${cluster}/${prefixes[wave]}-${wave}.yaml`, documents.join("---\n")] as const];
    }),
    ...items.flatMap((item) => (item.kind === "chart" ? chartFiles(cluster, item.wave, item.chart) : [])),
  ]);
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function documentsOf(item: CompiledItem, { includeSecrets }: RenderOptions): string[] {
  switch (item.kind) {
    case "chart":
      return [];
    case "generated-secret":
      if (item.source.kind === "issued") return [];
      return [`# The data of this Secret is made when isthmus applies it.\n${yamlText(item.object)}`];
    case "object":
      if (!includeSecrets && isSecret(item.object)) {
        return [
          `# The data of this Secret (${secretKeys(item.object)}) is left out; --include-secrets writes it.\n${yamlText(withoutData(item.object))}`,
        ];
      }
      return [yamlText(item.object)];
  }
}

function isSecret(object: KubeObject): object is Secret {
  return object.apiVersion === "v1" && object.kind === "Secret";
}

function secretKeys({ data, stringData }: Secret): string {
  const keys = [...new Set([...Object.keys(data ?? {}), ...Object.keys(stringData ?? {})])].sort();
  return keys.length === 0 ? "no keys" : keys.join(", ");
}

/** Without data, and without the annotation in which kubectl keeps a copy of it. */
function withoutData({ data: _data, stringData: _stringData, metadata, ...rest }: Secret): object {
  const { "kubectl.kubernetes.io/last-applied-configuration": _copy, ...annotations } =
    metadata.annotations ?? {};
  return { ...rest, metadata: metadata.annotations === undefined ? metadata : { ...metadata, annotations } };
}

function chartFiles(cluster: string, wave: Wave, chart: ChartReference): (readonly [string, string])[] {
  const name = `${cluster}/charts/${prefixes[wave]}-${chart.name}`;
  const valuesFile = `${prefixes[wave]}-${chart.name}.values.yaml`;
  const { name: release, namespace, chart: chartName, repo, version, values, from } = chart;
  const reference = {
    apiVersion: "isthmus.dev/v1alpha1",
    kind: "HelmChartReference",
    metadata: { name: release, namespace, annotations: { "isthmus.dev/from": from } },
    spec: {
      chart: chartName,
      ...(repo === undefined ? {} : { repo }),
      ...(version === undefined ? {} : { version }),
      valuesFile,
    },
  };
  const operator = istioOperator(chart);
  return [
    [`${name}.yaml`, yamlText(reference)],
    [`${name}.values.yaml`, yamlText(values)],
    ...(operator === undefined ? [] : [[`${name}.istioctl.yaml`, yamlText(operator)] as const]),
  ];
}
