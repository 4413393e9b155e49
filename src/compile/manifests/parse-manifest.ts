import type { Diagnostic, SourceRange } from "../../base/index.ts";
import { parseYamlObjects } from "../../kube/index.ts";
import type { ManifestObject } from "./manifest-content.ts";

/** Objects of one text in order, and what is wrong with it. */
export interface ParsedManifest {
  readonly objects: readonly ManifestObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/** All of Istio's CustomResourceDefinitions are a twentieth of this, in characters. */
const maxLength = 20_000_000;

/**
 * Reads the Kubernetes objects of a YAML or JSON text, as `kubectl apply` does: several documents, lists taken
 * apart, and every object with a name.
 */
export function parseManifest(file: string, text: string): ParsedManifest {
  if (text.length > maxLength) {
    const range = { file, line: 1, column: 1, endColumn: 2, text: "" };
    return refuse(
      "manifest/too-large",
      `the file has ${text.length} characters`,
      `at most ${maxLength} are read`,
      range,
    );
  }
  const { objects, diagnostics } = parseYamlObjects(text, file);
  const nameless = objects.filter(({ object }) => object.metadata.name === undefined);
  return {
    objects: objects.map(({ object, range }) => ({ object, file, line: range.line })),
    diagnostics: [
      ...diagnostics,
      ...nameless.flatMap(({ object, rangeOf }) => {
        const message = `this ${object.kind} has generateName in place of a name`;
        return refuse(
          "manifest/no-name",
          message,
          "give it a name, so that it can be applied again",
          rangeOf(["metadata"]),
        ).diagnostics;
      }),
    ],
  };
}

function refuse(code: Diagnostic["code"], message: string, hint: string, range: SourceRange): ParsedManifest {
  return { objects: [], diagnostics: [{ severity: "error", code, path: [], message, hint, range }] };
}
