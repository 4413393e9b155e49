import type { Diagnostic } from "../../base/index.ts";
import { type KubeObject, parseLabelSelector, type Selector } from "../../kube/index.ts";
import type { ManifestEntry } from "../../mesh/index.ts";
import type { ManifestObject } from "./manifest-content.ts";
import type { ParsedManifest } from "./parse-manifest.ts";

/** The objects that the entry's selector keeps, as `kubectl -l` does: by the labels of the objects themselves. */
export function selectObjects(
  { file, selector: text }: Extract<ManifestEntry, { kind: "file" }>,
  objects: readonly ManifestObject[],
): ParsedManifest {
  if (objects.length === 0) {
    return {
      objects,
      diagnostics: [
        refuse(
          "manifest/empty",
          [],
          `"${file}" has no Kubernetes object in it`,
          "give it one, or leave it out",
        ),
      ],
    };
  }
  if (text === undefined) return { objects, diagnostics: [] };
  let selector: Selector;
  try {
    selector = parseLabelSelector(text);
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    return {
      objects: [],
      diagnostics: [
        refuse(
          "mesh/bad-selector",
          ["selector"],
          `"${text}" can't be a selector: ${why}`,
          "write it as for kubectl -l, for example version=v1",
        ),
      ],
    };
  }
  const kept = objects.filter(({ object }) => selector.matches(object.metadata.labels ?? {}));
  if (kept.length > 0) return { objects: kept, diagnostics: [] };
  const message = `no object of "${file}" has the labels "${text}"`;
  return {
    objects: [],
    diagnostics: [refuse("mesh/selector-matches-nothing", ["selector"], message, hintFor(selector, objects))],
  };
}

function hintFor(selector: Selector, objects: readonly ManifestObject[]): string {
  if (objects.some(({ object }) => selector.matches(podLabels(object)))) {
    return "only pods have them; a selector looks at the objects' own labels";
  }
  const labels = objects.flatMap(({ object }) =>
    Object.entries(object.metadata.labels ?? {}).map(([name, value]) => `${name}=${value}`),
  );
  const all = [...new Set(labels)].sort();
  return all.length === 0 ? "its objects have no labels" : `its objects have ${all.slice(0, 12).join(", ")}`;
}

function podLabels(object: KubeObject): Readonly<Record<string, string>> {
  const spec = object["spec"] as
    | { template?: { metadata?: { labels?: Readonly<Record<string, string>> } } }
    | undefined;
  return spec?.template?.metadata?.labels ?? {};
}

function refuse(
  code: Diagnostic["code"],
  path: Diagnostic["path"],
  message: string,
  hint: string,
): Diagnostic {
  return { severity: "error", code, path, message, hint };
}
