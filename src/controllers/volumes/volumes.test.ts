import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds, type Pod } from "../../kube/index.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { folderProvisioner } from "./reconcile-claim.ts";
import { startVolumes } from "./start-volumes.ts";
import {
  type StorageClass,
  storageClasses,
  type Volume,
  type VolumeClaim,
  volumeClaims,
  volumes,
} from "./volume-kinds.ts";

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([startVolumes]);
  for (const kind of [volumeClaims, volumes, storageClasses]) cluster.api.serve(kind);
});
afterEach(() => cluster.stop());

const createClass = (more: Partial<StorageClass> = {}) =>
  cluster.api.client.create(storageClasses, {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "standard" },
    provisioner: folderProvisioner,
    ...more,
  });
const createClaim = (spec: Partial<VolumeClaim["spec"]> = {}) =>
  cluster.api.client.create(volumeClaims, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "files", namespace: "sample" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "standard",
      resources: { requests: { storage: "1Gi" } },
      ...spec,
    },
    status: { phase: "Pending" },
  });
const createVolume = (name: string, spec: Partial<Volume["spec"]> = {}) =>
  cluster.api.client.create(volumes, {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      capacity: { storage: "5Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "manual",
      hostPath: { path: "/tmp/x" },
      ...spec,
    },
  });
const bound = () =>
  cluster.eventually(async () => {
    const claim = await cluster.api.client.get(volumeClaims, "files", "sample");
    return claim?.status?.phase === "Bound" ? claim : undefined;
  });
const volume = async (name: string) => cluster.api.client.get(volumes, name);
const phaseIs = (name: string, phase: string) =>
  cluster.eventually(async () => ((await volume(name))?.status?.phase === phase ? true : undefined));
const says = (text: string) =>
  cluster.eventually(async () => {
    await cluster.cluster.events.idle();
    const events = (await cluster.list(kinds.events)).map((one) => `${one["reason"]} ${one["message"]}`);
    return events.some((event) => event.startsWith(text)) || undefined;
  });

suite("volume claims", () => {
  test("get a volume of the class that is served here", async () => {
    await createClass();
    await createClaim();
    const claim = await bound();
    const name = `pvc-${claim.metadata.uid}`;
    assert.equal(claim.spec.volumeName, name);
    assert.deepEqual(claim.status, {
      phase: "Bound",
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
    });
    const { spec, status } = (await volume(name)) ?? assert.fail("no volume");
    assert.deepEqual(
      [status?.phase, spec.claimRef?.name, spec.persistentVolumeReclaimPolicy, spec["csi"]],
      ["Bound", "files", "Delete", { driver: folderProvisioner, volumeHandle: name }],
    );
    await says(`ProvisioningSucceeded Successfully provisioned volume ${name}`);
    await cluster.api.client.delete(volumeClaims, "files", { namespace: "sample" });
    await cluster.eventually(async () => ((await volume(name)) === undefined ? true : undefined));
  });

  test("take the smallest volume that fits, and leave it released when they go", async () => {
    await createVolume("large");
    await createVolume("small", { capacity: { storage: "2Gi" } });
    await createVolume("tiny", { capacity: { storage: "100Mi" } });
    await createVolume("shared", { capacity: { storage: "1Gi" }, accessModes: ["ReadOnlyMany"] });
    await phaseIs("small", "Available");
    await createClaim({ storageClassName: "manual" });
    assert.equal((await bound()).spec.volumeName, "small");
    await phaseIs("small", "Bound");
    await cluster.api.client.delete(volumeClaims, "files", { namespace: "sample" });
    await phaseIs("small", "Released");
    await phaseIs("large", "Available");
  });

  test("wait for a volume that is made later, and take one that is meant for them", async () => {
    await createClaim({ storageClassName: "" });
    await says("FailedBinding no persistent volumes available for this claim and no storage class is set");
    await createVolume("other", { storageClassName: "", claimRef: { name: "else", namespace: "sample" } });
    await createVolume("meant", { storageClassName: "", claimRef: { name: "files", namespace: "sample" } });
    assert.equal((await bound()).spec.volumeName, "meant");
  });

  test("wait for a pod where their class says so", async () => {
    await createClass({ volumeBindingMode: "WaitForFirstConsumer" });
    await createClaim();
    await says("WaitForFirstConsumer waiting for first consumer to be created before binding");
    await cluster.api.client.create(kinds.pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "sample" },
      spec: { containers: [], volumes: [{ name: "v", persistentVolumeClaim: { claimName: "files" } }] },
    } as Pod);
    await bound();
  });

  test("say which class is missing, or who would have to make the volume", async () => {
    await createClaim();
    await says('ProvisioningFailed storageclass.storage.k8s.io "standard" not found');
    await createClass({ provisioner: "disk.example.com" });
    await says(
      "ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'disk.example.com'",
    );
  });

  test("are lost with their volume", async () => {
    await createVolume("v");
    await createClaim({ storageClassName: "manual" });
    await bound();
    await cluster.api.client.delete(volumes, "v");
    await cluster.eventually(async () => {
      const claim = await cluster.api.client.get(volumeClaims, "files", "sample");
      return claim?.status?.phase === "Lost" || undefined;
    });
    await says("ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  });
});
