import type { Diagnostic } from "../../base/index.ts";
import type { ManifestEntry } from "../../mesh/index.ts";
import { isClusterWide } from "./cluster-wide.ts";
import type { ManifestObject } from "./manifest-content.ts";
import type { ParsedManifest } from "./parse-manifest.ts";

/**
 * The objects in the entry's namespace, as `kubectl -n` does it: those that name none get it, those that name
 * another are refused. Without a namespace in the entry they stay as they are.
 */
export function placeObjects(
  { namespace }: Extract<ManifestEntry, { kind: "file" }>,
  objects: readonly ManifestObject[],
): ParsedManifest {
  if (namespace === undefined) return { objects, diagnostics: [] };
  const diagnostics: Diagnostic[] = [];
  const placed = objects.map((one) => {
    const { object, file, line } = one;
    const written = object.metadata.namespace;
    if (isClusterWide(object) || written === namespace) return one;
    if (written !== undefined && written !== "") {
      diagnostics.push({
        severity: "error",
        code: "manifest/namespace-differs",
        path: ["namespace"],
        message: `the namespace "${written}" of ${object.kind} "${object.metadata.name}" (${file}:${line}) does not match the namespace "${namespace}"`,
        hint: "leave one of them out",
      });
    }
    return { ...one, object: { ...object, metadata: { ...object.metadata, namespace } } };
  });
  return { objects: placed, diagnostics };
}
