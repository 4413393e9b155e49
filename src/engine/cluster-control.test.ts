import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import { knownCluster } from "./cluster-control.ts";
import type { RunningMesh } from "./start-mesh.ts";

suite("knownCluster()", () => {
  const names = ["frankfurt", "ashburn"];
  const mesh = { clusterSet: { clusters: new Map(names.map((name) => [name, {}])) } };
  const known = (name: string) => knownCluster(mesh as unknown as RunningMesh, name);

  test("gives the name of a cluster that there is, running or not", () => {
    assert.equal(known("ashburn"), "ashburn");
  });

  const cases = [
    { name: "ashbrun", next: "Did you mean ashburn? There are: frankfurt, ashburn." },
    { name: "x", next: "There are: frankfurt, ashburn." },
    { name: "", next: "There are: frankfurt, ashburn." },
  ];
  for (const { name, next } of cases) {
    test(`for "${name}" says: ${next}`, () => {
      assert.throws(
        () => known(name),
        (reason) =>
          reason instanceof IsthmusError && reason.code === "cluster/unknown" && reason.nextStep === next,
      );
    });
  }
});
