import { stringify } from "yaml";
import type { KubeObject, Secret } from "../../kube/index.ts";
import { type ChartReference, type Compiled, type CompiledItem, type Wave, waves } from "../compiled.ts";

/** Options of renderFiles. */
export interface RenderOptions {
  /** Whether the data of the user's own Secrets is written. What isthmus makes itself never is. */
  readonly includeSecrets: boolean;
}

/**
 * What was compiled as YAML files: "fra/40-gateways.yaml" has the objects of one wave in order, so that
 * `kubectl apply -f fra/` applies them, and "fra/charts/30-istiod.yaml" names a chart, with its values for
 * `helm -f` beside it. Sorted by path and stable: the same mesh gives the same text.
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

/** What files begin with, so that their names are in the order of the waves; a name stays when a wave is added. */
const prefixes: Readonly<Record<Wave, string>> = {
  namespaces: "10",
  peerings: "15",
  trust: "20",
  "control-plane": "30",
  gateways: "40",
  exposure: "50",
  management: "55",
  credentials: "60",
  manifests: "70",
};

function documentsOf(item: CompiledItem, { includeSecrets }: RenderOptions): string[] {
  switch (item.kind) {
    case "chart":
      return [];
    case "generated-secret":
      return [`# The data of this Secret is made when isthmus applies it.\n${yaml(item.object)}`];
    case "object":
      if (!includeSecrets && isSecret(item.object)) {
        return [
          `# The data of this Secret (${secretKeys(item.object)}) is left out; --include-secrets writes it.\n${yaml(withoutData(item.object))}`,
        ];
      }
      return [yaml(item.object)];
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
  return [
    [`${name}.yaml`, yaml(reference)],
    [`${name}.values.yaml`, yaml(values)],
  ];
}

/** YAML that Go's parser reads the same: what YAML 1.1 takes for a boolean or a number is quoted. */
function yaml(value: unknown): string {
  return stringify(value, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}
