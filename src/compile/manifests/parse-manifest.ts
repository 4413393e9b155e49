import type { Diagnostic } from "../../base/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import { type Located, plainValue, rangeOf, readYaml } from "../../mesh/index.ts";
import type { ManifestObject } from "./manifest-content.ts";

/** Objects of one text in order, and what is wrong with it. */
export interface ParsedManifest {
  readonly objects: readonly ManifestObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/** All of Istio's CustomResourceDefinitions are a twentieth of this, in characters. */
const maxLength = 20_000_000;

/** Reads the Kubernetes objects of a YAML or JSON text, as kubectl does: several documents, `kind: List` taken apart. */
export function parseManifest(file: string, text: string): ParsedManifest {
  const { documents, problems } = readYaml(file, text, {
    group: "manifest",
    dialect: "kubernetes",
    maxLength,
  });
  const parsed = documents.map((document) => readObject(file, document));
  return {
    objects: parsed.flatMap(({ objects }) => objects),
    diagnostics: [...problems, ...parsed.flatMap(({ diagnostics }) => diagnostics)],
  };
}

function readObject(file: string, node: Located): ParsedManifest {
  if (node.kind === "scalar" && node.value === null) return { objects: [], diagnostics: [] };
  const range = rangeOf(node.place);
  const refuse = (code: Diagnostic["code"], message: string, hint: string): ParsedManifest => ({
    objects: [],
    diagnostics: [{ severity: "error", code, path: [], message, hint, range }],
  });
  if (node.kind !== "map") {
    return refuse(
      "manifest/not-an-object",
      "this is not a Kubernetes object",
      "an object begins with apiVersion and kind",
    );
  }
  const items = node.entries.get("items")?.value;
  const kind = node.entries.get("kind")?.value;
  if (kind?.kind === "scalar" && String(kind.value).endsWith("List") && items?.kind === "list") {
    const parts = items.items.map((item) => readObject(file, item));
    return {
      objects: parts.flatMap((one) => one.objects),
      diagnostics: parts.flatMap((one) => one.diagnostics),
    };
  }
  const object = plainValue(node) as Record<string, unknown>;
  const missing = ["apiVersion", "kind"].filter(
    (name) => typeof object[name] !== "string" || object[name] === "",
  );
  if (missing.length > 0) {
    return refuse(
      "manifest/missing-field",
      `this object has no ${missing.join(" and no ")}`,
      "every Kubernetes object says what it is",
    );
  }
  const metadata = object["metadata"] as Record<string, unknown> | null | undefined;
  if (typeof metadata?.["name"] !== "string" || metadata["name"] === "") {
    const named = `this ${object["kind"]} has no metadata.name`;
    return refuse("manifest/missing-field", named, "give it one; generateName can't be applied twice");
  }
  return { objects: [{ object: object as KubeObject, file, line: range.line }], diagnostics: [] };
}
