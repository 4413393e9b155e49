import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import {
  decodeError,
  groupVersion,
  loadBuiltInSchema,
  readDataFile,
  type SchemaNode,
  schemaFromCrd,
  strictFieldErrors,
  validateValue,
} from "../kube/index.ts";
import { parseMesh } from "../mesh/index.ts";
import { compile } from "./compile.ts";
import { loadManifests } from "./manifests/load-manifests.ts";

const examples = path.join(import.meta.dirname, "../../examples");

interface CrdTable {
  readonly crds: readonly {
    readonly spec: {
      readonly group: string;
      readonly names: { readonly kind: string };
      readonly versions: readonly {
        readonly name: string;
        readonly schema: { readonly openAPIV3Schema: unknown };
      }[];
    };
  }[];
}

/** The schema of a kind, Kubernetes' own or Istio's; undefined for kinds of other add-ons. */
function schemaFinder(): (
  apiVersion: string,
  kind: string,
) => { schema: SchemaNode; builtIn: boolean } | undefined {
  const builtIn = loadBuiltInSchema();
  const { crds } = readDataFile("istio-crds.json") as CrdTable;
  return (apiVersion, kind) => {
    const { group, version } = groupVersion(apiVersion);
    const own = builtIn.forKind(group, version, kind);
    if (own !== undefined) return { schema: own, builtIn: true };
    const crd = crds.find(({ spec }) => spec.group === group && spec.names.kind === kind);
    const served = crd?.spec.versions.find(({ name }) => name === version);
    return served === undefined
      ? undefined
      : { schema: schemaFromCrd(served.schema.openAPIV3Schema), builtIn: false };
  };
}

suite("compiled objects", () => {
  for (const example of ["aks", "oke", "global"]) {
    test(`every object of examples/${example} is what Kubernetes and Istio accept, field by field`, async () => {
      const folder = path.join(examples, example);
      const text = readFileSync(path.join(folder, "mesh.yaml"), "utf8");
      const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
        folder,
        files: { kindOf: () => "file" },
      });
      assert.ok(parsed.ok);
      const { content } = await loadManifests(parsed.mesh, {
        readText: async (file) => readFileSync(path.join(folder, file), "utf8"),
        listFolder: async (file) => {
          const place = path.join(folder, file);
          return statSync(place).isDirectory() ? readdirSync(place) : undefined;
        },
      });
      const schemaOf = schemaFinder();
      let checked = 0;
      for (const [cluster, items] of compile(parsed.mesh, content).clusters) {
        for (const item of items) {
          if (item.kind === "chart") continue;
          const { apiVersion, kind, metadata } = item.object;
          const found = schemaOf(apiVersion, kind);
          if (found === undefined) {
            assert.match(apiVersion, /^(cert-manager\.io|multicluster\.x-k8s\.io)\//);
            continue;
          }
          const { schema, builtIn } = found;
          const wrong = [
            ...strictFieldErrors(schema, item.object),
            ...(builtIn
              ? [decodeError(schema, item.object)].filter((one) => one !== undefined)
              : validateValue(schema, item.object)),
          ];
          assert.deepEqual(wrong, [], `${cluster}: ${kind} ${metadata.name}`);
          checked += 1;
        }
      }
      assert.ok(checked > 20);
    });
  }
});
