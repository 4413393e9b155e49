import type { Diagnostic } from "../../base/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import { plainValue, rangeOf, readYaml } from "../../mesh/index.ts";
import { isClusterWide } from "./cluster-wide.ts";
import type { ManifestObject } from "./manifest-content.ts";

/** Names under which a folder has a kustomization, in the order in which they are looked for. */
export const kustomizationNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/** What a kustomization.yaml says, as far as it is understood here. */
export interface Kustomization {
  readonly resources: readonly string[];
  readonly namespace?: string;
  readonly labels: readonly LabelRule[];
}

interface LabelRule {
  readonly pairs: Readonly<Record<string, string>>;
  readonly selectors: boolean;
  readonly templates: boolean;
}

const understood = ["apiVersion", "kind", "metadata", "resources", "namespace", "commonLabels", "labels"];

/**
 * Reads a kustomization. Fields other than resources, namespace, commonLabels and labels are refused: leaving one
 * out silently would apply something else than `kubectl apply -k` does.
 */
export function readKustomization(
  file: string,
  text: string,
): { kustomization?: Kustomization; diagnostics: readonly Diagnostic[] } {
  const { documents, problems, source } = readYaml(file, text, {
    group: "manifest",
    dialect: "kubernetes",
    maxLength: 1_000_000,
  });
  if (problems.length > 0) return { diagnostics: problems };
  const [root] = documents;
  if (root?.kind !== "map") {
    const place = root?.place ?? { source, start: 0, end: 0 };
    return {
      diagnostics: [
        refuse("manifest/no-object", "this is not a kustomization", "it lists files under resources", place),
      ],
    };
  }
  const unknown = [...root.entries].filter(([name]) => !understood.includes(name));
  if (unknown.length > 0) {
    const hint =
      "give isthmus what `kubectl kustomize` prints, or use resources, namespace, commonLabels and labels only";
    return {
      diagnostics: unknown.map(([name, { key }]) =>
        refuse(
          "manifest/kustomization-field",
          `isthmus does not build kustomizations with "${name}"`,
          hint,
          key,
        ),
      ),
    };
  }
  const { resources, namespace, commonLabels, labels } = plainValue(root) as Readonly<
    Record<string, unknown>
  >;
  return {
    diagnostics: [],
    kustomization: {
      resources: Array.isArray(resources) ? resources.filter((one) => typeof one === "string") : [],
      ...(typeof namespace === "string" && namespace !== "" ? { namespace } : {}),
      labels: [
        ...(isMap(commonLabels) ? [{ pairs: texts(commonLabels), selectors: true, templates: true }] : []),
        ...(Array.isArray(labels) ? labels.filter(isMap).map(labelRule) : []),
      ],
    },
  };
}

type Map = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Map {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function texts(map: Map): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, String(value)]));
}

function labelRule({ pairs, includeSelectors, includeTemplates }: Map): LabelRule {
  const selectors = includeSelectors === true;
  return {
    pairs: isMap(pairs) ? texts(pairs) : {},
    selectors,
    templates: selectors || includeTemplates === true,
  };
}

function refuse(
  code: Diagnostic["code"],
  message: string,
  hint: string,
  place: Parameters<typeof rangeOf>[0],
): Diagnostic {
  return { severity: "error", code, path: [], message, hint, range: rangeOf(place) };
}

/** The object as the kustomization changes it. */
export function kustomize(one: ManifestObject, { namespace, labels }: Kustomization): ManifestObject {
  const placed = namespace === undefined ? one.object : inNamespace(one.object, namespace);
  return { ...one, object: labels.reduce(withLabels, placed) };
}

function inNamespace(object: KubeObject, namespace: string): KubeObject {
  if (isClusterWide(object)) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function withLabels(object: KubeObject, { pairs, selectors, templates }: LabelRule): KubeObject {
  const spec = object["spec"];
  const metadata = { ...object.metadata, labels: { ...object.metadata.labels, ...pairs } };
  if (!isMap(spec)) return { ...object, metadata };
  return {
    ...object,
    metadata,
    spec: {
      ...spec,
      ...(selectors ? selectorWith(object, spec["selector"], pairs) : {}),
      ...(templates && isMap(spec["template"]) ? { template: templateWith(spec["template"], pairs) } : {}),
    },
  };
}

/** A Service selects by a plain map, workloads by matchLabels; other selectors are not of pods. */
function selectorWith(
  { apiVersion, kind }: KubeObject,
  selector: unknown,
  pairs: Readonly<Record<string, string>>,
) {
  if (apiVersion === "v1" && kind === "Service")
    return isMap(selector) ? { selector: { ...selector, ...pairs } } : {};
  if (!isMap(selector) || !/^(apps|batch)\//.test(apiVersion)) return {};
  const matchLabels = isMap(selector["matchLabels"]) ? selector["matchLabels"] : {};
  return { selector: { ...selector, matchLabels: { ...matchLabels, ...pairs } } };
}

function templateWith(template: Map, pairs: Readonly<Record<string, string>>): Map {
  const metadata = isMap(template["metadata"]) ? template["metadata"] : {};
  const labels = isMap(metadata["labels"]) ? metadata["labels"] : {};
  return { ...template, metadata: { ...metadata, labels: { ...labels, ...pairs } } };
}
