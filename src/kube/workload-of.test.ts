import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { workloadOf } from "./workload-of.ts";

suite("workloadOf()", () => {
  const cases: readonly {
    readonly owner?: readonly [apiVersion: string, kind: string, name: string];
    readonly labels?: Readonly<Record<string, string>>;
    readonly is: readonly [apiVersion: string, kind: string, name: string];
  }[] = [
    { is: ["v1", "Pod", "pod"] },
    {
      owner: ["apps/v1", "ReplicaSet", "web-5d8"],
      labels: { "pod-template-hash": "5d8" },
      is: ["apps/v1", "Deployment", "web"],
    },
    { owner: ["apps/v1", "ReplicaSet", "web-5d8"], is: ["apps/v1", "ReplicaSet", "web-5d8"] },
    {
      owner: ["apps/v1", "ReplicaSet", "web-5d8"],
      labels: { "pod-template-hash": "other" },
      is: ["apps/v1", "ReplicaSet", "web-5d8"],
    },
    {
      owner: ["apps/v1", "ReplicaSet", "web-7f"],
      labels: { "rollouts-pod-template-hash": "7f" },
      is: ["v1alpha1", "Rollout", "web"],
    },
    { owner: ["apps/v1", "StatefulSet", "db"], is: ["apps/v1", "StatefulSet", "db"] },
    { owner: ["batch/v1", "Job", "once"], is: ["batch/v1", "Job", "once"] },
    { owner: ["batch/v1", "Job", "nightly-28439210"], is: ["batch/v1", "CronJob", "nightly"] },
    {
      owner: ["v1", "ReplicationController", "shop-3"],
      labels: { deploymentconfig: "shop" },
      is: ["v1", "DeploymentConfig", "shop"],
    },
  ];
  for (const { owner, labels = {}, is } of cases) {
    test(`${owner?.slice(1).join(" ") ?? "no owner"} with ${JSON.stringify(labels)}: ${is.slice(1).join(" ")}`, () => {
      const ownerReferences =
        owner === undefined
          ? []
          : [
              { apiVersion: "v1", kind: "Other", name: "other", uid: "1" },
              { apiVersion: owner[0], kind: owner[1], name: owner[2], uid: "2", controller: true },
            ];
      const { apiVersion, kind, name } = workloadOf({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "pod", labels, ownerReferences },
        spec: { containers: [] },
      });
      assert.deepEqual([apiVersion, kind, name], is);
    });
  }
});
