import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { decodeError, knownSchema, strictFieldErrors, validateValue } from "../kube/index.ts";
import { parseMesh } from "../mesh/index.ts";
import { compile } from "./compile.ts";
import { loadManifests } from "./manifests/load-manifests.ts";

const examples = path.join(import.meta.dirname, "../../examples");

suite("compiled objects", () => {
  for (const example of ["aks", "oke", "global", "liqo", "gloo"]) {
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
      let checked = 0;
      for (const [cluster, items] of compile(parsed.mesh, content).clusters) {
        for (const item of items) {
          if (item.kind === "chart") continue;
          const { apiVersion, kind, metadata } = item.object;
          const found = knownSchema(apiVersion, kind);
          if (found === undefined) {
            assert.match(apiVersion, /^(cert-manager\.io|multicluster\.x-k8s\.io)\//);
            continue;
          }
          const { schema, isBuiltIn } = found;
          const wrong = [
            ...strictFieldErrors(schema, item.object),
            ...(isBuiltIn
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
