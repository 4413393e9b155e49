import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Workspace } from "../kube/index.ts";
import { unenforced } from "./until-enforced.ts";

const enforced = {
  type: "Enforced",
  status: "True",
  reason: "Enforced",
  message: "",
  lastTransitionTime: "",
};

function workspace(name: string, status: Partial<NonNullable<Workspace["status"]>>): Workspace {
  return {
    apiVersion: "management.isthmus.dev/v1alpha1",
    kind: "Workspace",
    metadata: { name, namespace: "gloo-mesh", generation: 2 },
    spec: { clusters: [{ name: "*", namespaces: ["shop"] }] },
    status: {
      observedGeneration: 2,
      conditions: [enforced],
      namespaces: ["a/shop", "b/shop"],
      ...status,
    } as NonNullable<Workspace["status"]>,
  };
}

suite("a workspace is waited for", () => {
  const existing = ["a/shop", "b/shop", "a/other"];
  const cases = [
    { what: "no longer when every control plane has it", status: {}, waits: false },
    { what: "while its state is of an older declaration", status: { observedGeneration: 1 }, waits: true },
    {
      what: "while a control plane lacks it",
      status: { conditions: [{ ...enforced, status: "False" as const }] },
      waits: true,
    },
    { what: "while a namespace that exists is not counted", status: { namespaces: ["a/shop"] }, waits: true },
    { what: "while it has no state", status: { conditions: [] }, waits: true },
  ];
  for (const { what, status, waits } of cases)
    test(what, () => {
      assert.deepEqual(unenforced([workspace("one", status)], existing), waits ? ["one"] : []);
    });

  test("not for a namespace that is another's", () => {
    const both = [workspace("one", {}), workspace("two", { namespaces: [] })];
    assert.deepEqual(unenforced(both, existing), []);
  });
});
