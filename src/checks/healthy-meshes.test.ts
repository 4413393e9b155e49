import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { type KubeObject, type Pod, parseYamlObjects } from "../kube/index.ts";
import { checkObjects, type ObjectsOfCluster } from "./check-objects.ts";

const scenes = path.join(import.meta.dirname, "../../test/golden/scenes");

/** The clusters of a recorded mesh: the first is the one with the control plane, which reads all others. */
function clustersOf(scene: string): readonly ObjectsOfCluster[] {
  const folder = path.join(scenes, scene);
  const read = (file: string) =>
    parseYamlObjects(readFileSync(path.join(folder, file), "utf8"), file).objects.map(({ object }) => ({
      object: withProxy(object),
    }));
  const names = readdirSync(folder).flatMap((file) => /^(.*)\.k8s\.yaml$/.exec(file)?.[1] ?? []);
  return names.map((name, index) => ({
    name,
    primary: names[0] ?? name,
    network: undefined,
    reads: index === 0 ? names.slice(1) : [],
    objects: [...read(`${name}.k8s.yaml`), ...(index === 0 ? read("config.yaml") : [])],
  }));
}

/** The recordings keep of a sidecar its label only. */
function withProxy(object: KubeObject): KubeObject {
  if (object.kind !== "Pod" || object.metadata.labels?.["security.istio.io/tlsMode"] === undefined)
    return object;
  const { spec } = object as Pod;
  return { ...object, spec: { ...spec, containers: [...spec.containers, { name: "istio-proxy" }] } };
}

/** What is wrong on purpose. */
const expected: Readonly<Record<string, readonly string[]>> = {
  "d-locality-failover-no-outlier": ["object/doubtful"],
  "e-no-sidecar-server": ["injection/pod-without-sidecar"],
  "g-service-entries": ["service-entry/address-needed"],
  "g-service-entries-none": ["service-entry/address-needed"],
};

suite("healthy meshes", () => {
  // Those in which nothing is wrong: the guides' meshes. Later scenes try out single features.
  for (const scene of readdirSync(scenes).filter((name) => /^[a-e]-/.test(name))) {
    test(`nothing but hints is found in the recorded mesh ${scene}`, () => {
      const findings = checkObjects(clustersOf(scene), Date.parse("2026-01-01T00:00:00Z"));
      assert.deepEqual(
        [...new Set(findings.filter(({ severity }) => severity !== "info").map(({ code }) => code))],
        expected[scene] ?? [],
        JSON.stringify(findings, undefined, 2),
      );
    });
  }
});
