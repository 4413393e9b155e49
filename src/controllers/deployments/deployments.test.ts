import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type Deployment, kinds, type ReplicaSet } from "../../kube/index.ts";
import { findCondition } from "../core/conditions.ts";
import { controllerOf } from "../core/owners.ts";
import { startReplicaSets } from "../replica-sets/start-replica-sets.ts";
import { statusOf } from "../test-support/fake-api.ts";
import { startTestCluster, type TestCluster, testDeployment } from "../test-support/test-cluster.ts";
import { startDeployments } from "./start-deployments.ts";

let cluster: TestCluster;

beforeEach(() => {
  cluster = startTestCluster([startDeployments, startReplicaSets]);
});
afterEach(() => cluster.stop());

const deployment = async (name = "web") => {
  const found = await cluster.api.client.get(kinds.deployments, name, "sample");
  assert.ok(found);
  return found;
};
const change = async (edit: (spec: Deployment["spec"]) => Deployment["spec"]) => {
  const { metadata, ...rest } = await deployment();
  const { resourceVersion: _, ...unversioned } = metadata;
  await cluster.api.client.replace(kinds.deployments, {
    ...rest,
    metadata: unversioned,
    spec: edit(rest.spec),
  });
};
const setImage = (image: string) =>
  change((spec) => ({
    ...spec,
    template: { ...spec.template, spec: { containers: [{ name: "app", image }] } },
  }));
const pods = () => cluster.list(kinds.pods, "sample");
const sets = async (): Promise<readonly ReplicaSet[]> => cluster.list(kinds.replicaSets, "sample");
const rolledOut = () =>
  cluster.eventually(async () => {
    const { spec, status, metadata } = await deployment();
    const isDone =
      status?.observedGeneration === metadata.generation &&
      status?.updatedReplicas === spec.replicas &&
      status?.replicas === spec.replicas &&
      status?.availableReplicas === spec.replicas &&
      findCondition(status?.conditions, "Progressing")?.reason === "NewReplicaSetAvailable";
    return isDone || undefined;
  });

suite("deployments", () => {
  test("make a ReplicaSet and pods with Kubernetes' names, labels and owners", async () => {
    cluster.kubelet();
    await cluster.api.client.create(kinds.deployments, testDeployment("web", { replicas: 2 }));
    await rolledOut();
    const [set] = await sets();
    assert.ok(set);
    const hash = set.metadata.labels?.["pod-template-hash"] ?? "";
    assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    assert.equal(set.metadata.name, `web-${hash}`);
    assert.deepEqual(set.spec.selector.matchLabels, { app: "web", "pod-template-hash": hash });
    assert.equal(set.metadata.annotations?.["deployment.kubernetes.io/revision"], "1");
    assert.equal(set.metadata.annotations?.["deployment.kubernetes.io/desired-replicas"], "2");
    assert.equal(set.metadata.annotations?.["deployment.kubernetes.io/max-replicas"], "3");
    assert.equal((await deployment()).metadata.annotations?.["deployment.kubernetes.io/revision"], "1");
    for (const pod of await pods()) {
      assert.match(pod.metadata.name, new RegExp(`^web-${hash}-[a-z0-9]{5}$`));
      assert.deepEqual(pod.metadata.labels, { app: "web", "pod-template-hash": hash });
      assert.equal(controllerOf(pod)?.uid, set.metadata.uid);
    }
    const { status } = await deployment();
    const available = findCondition(status?.conditions, "Available");
    assert.deepEqual([available?.status, available?.reason], ["True", "MinimumReplicasAvailable"]);
    assert.equal(
      findCondition(status?.conditions, "Progressing")?.message,
      `ReplicaSet "${set.metadata.name}" has successfully progressed.`,
    );
  });

  test("say in conditions that pods are not ready yet", async () => {
    await cluster.api.client.create(kinds.deployments, testDeployment("web"));
    await cluster.eventually(async () => (await pods()).length === 1 || undefined);
    await cluster.quiet();
    const { status } = await deployment();
    assert.equal(findCondition(status?.conditions, "Available")?.reason, "MinimumReplicasUnavailable");
    assert.equal(findCondition(status?.conditions, "Progressing")?.reason, "ReplicaSetUpdated");
    assert.deepEqual([status?.replicas, status?.updatedReplicas, status?.unavailableReplicas], [1, 1, 1]);
  });

  test("roll over to a new template without ever having too few available or too many pods", async () => {
    cluster.kubelet();
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } as const;
    await cluster.api.client.create(kinds.deployments, testDeployment("web", { replicas: 4, strategy }));
    await rolledOut();
    let most = 0;
    let least = 99;
    cluster.cluster.store(kinds.replicaSets).subscribe(() => {
      const all = cluster.cluster.store(kinds.replicaSets).list("sample");
      most = Math.max(
        most,
        all.reduce((sum, { spec }) => sum + (spec.replicas ?? 0), 0),
      );
      least = Math.min(
        least,
        all.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0),
      );
    });
    await setImage("app:2");
    await rolledOut();
    assert.ok(most <= 5, `${most} pods`);
    assert.ok(least >= 3, `${least} available`);
    const [old, next] = [...(await sets())].sort((a, b) => (a.spec.replicas ?? 0) - (b.spec.replicas ?? 0));
    assert.equal(old?.spec.replicas, 0);
    assert.equal(next?.metadata.annotations?.["deployment.kubernetes.io/revision"], "2");
  });

  test("going back to an old template takes its ReplicaSet again, with a new revision and its history", async () => {
    cluster.kubelet();
    await cluster.api.client.create(kinds.deployments, testDeployment("web"));
    await rolledOut();
    const [first] = await sets();
    await setImage("app:2");
    await rolledOut();
    await setImage("app:1");
    await cluster.eventually(async () => {
      const again = (await sets()).find((set) => set.metadata.name === first?.metadata.name);
      return again?.metadata.annotations?.["deployment.kubernetes.io/revision"] === "3" || undefined;
    });
    await rolledOut();
    assert.equal((await sets()).length, 2);
    const again = (await sets()).find((set) => set.metadata.name === first?.metadata.name);
    assert.equal(again?.metadata.annotations?.["deployment.kubernetes.io/revision-history"], "1");
    assert.equal((await deployment()).metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
  });

  test("strategy Recreate starts nothing new before the last old pod is gone", async () => {
    await cluster.api.client.create(
      kinds.deployments,
      testDeployment("web", { strategy: { type: "Recreate" } }),
    );
    const pod = await cluster.eventually(async () => (await pods())[0]);
    await cluster.api.client.post(`/api/v1/namespaces/sample/pods/${pod.metadata.name}/binding`, {
      target: { name: "node-1" },
    });
    await cluster.run(pod);
    await rolledOut();
    await setImage("app:2");
    await cluster.eventually(async () => ((await pods())[0]?.metadata.deletionTimestamp ? true : undefined));
    await cluster.quiet();
    assert.equal((await pods()).length, 1);
    assert.equal((await sets()).length, 1);
    await cluster.api.client.delete(kinds.pods, pod.metadata.name, {
      namespace: "sample",
      gracePeriodSeconds: 0,
    });
    const next = await cluster.eventually(async () => (await pods())[0]);
    assert.equal(next.spec.containers[0]?.image, "app:2");
  });

  test("a paused Deployment is scaled but not rolled over", async () => {
    cluster.kubelet();
    await cluster.api.client.create(kinds.deployments, testDeployment("web"));
    await rolledOut();
    await change((spec) => ({ ...spec, paused: true }));
    await setImage("app:2");
    await change((spec) => ({ ...spec, replicas: 3 }));
    await cluster.eventually(async () => (await deployment()).status?.availableReplicas === 3 || undefined);
    const { status } = await deployment();
    assert.equal(findCondition(status?.conditions, "Progressing")?.reason, "DeploymentPaused");
    assert.equal((await sets()).length, 1);
    await change(({ paused: _, ...spec }) => spec);
    await rolledOut();
    assert.equal((await sets()).length, 2);
  });

  test("keep as many old ReplicaSets as revisionHistoryLimit says", async () => {
    cluster.kubelet();
    await cluster.api.client.create(kinds.deployments, testDeployment("web", { revisionHistoryLimit: 1 }));
    await rolledOut();
    for (const image of ["app:2", "app:3", "app:4"]) {
      await setImage(image);
      await rolledOut();
    }
    const left = await cluster.eventually(async () => {
      const all = await sets();
      return all.length === 2 ? all : undefined;
    });
    const revisions = left
      .map((set) => set.metadata.annotations?.["deployment.kubernetes.io/revision"])
      .sort();
    assert.deepEqual(revisions, ["3", "4"]);
  });

  test("a refused pod shows as ReplicaFailure on the Deployment, and goes when it is accepted", async () => {
    const message = 'admission webhook "namespace.sidecar-injector.istio.io" denied the request';
    cluster.api.refuse = ({ method, path }) =>
      method === "POST" && path.endsWith("/pods") ? statusOf(403, "Forbidden", message) : undefined;
    await cluster.api.client.create(kinds.deployments, testDeployment("web"));
    const condition = await cluster.eventually(async () =>
      findCondition((await deployment()).status?.conditions, "ReplicaFailure"),
    );
    assert.deepEqual([condition.reason, condition.message], ["FailedCreate", message]);
    cluster.api.refuse = () => undefined;
    cluster.kubelet();
    await rolledOut();
    await cluster.eventually(async () =>
      findCondition((await deployment()).status?.conditions, "ReplicaFailure") === undefined
        ? true
        : undefined,
    );
  });

  test("write nothing more once everything is as it should be", async () => {
    cluster.kubelet();
    await cluster.api.client.create(kinds.deployments, testDeployment("web", { replicas: 3 }));
    await rolledOut();
    await cluster.quiet();
    const before = cluster.api.writes.length;
    const { resourceVersion: _, ...metadata } = (await deployment()).metadata;
    const labelled = { ...(await deployment()), metadata: { ...metadata, labels: { touched: "yes" } } };
    await cluster.api.client.replace(kinds.deployments, labelled);
    await cluster.quiet();
    assert.deepEqual(cluster.api.writes.slice(before + 1), []);
  });
});
