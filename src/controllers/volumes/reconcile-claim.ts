import {
  compareQuantities,
  kinds,
  matchesLabelSelector,
  parseQuantity,
  type Quantity,
} from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { splitKey } from "../core/keys.ts";
import {
  type StorageClass,
  storageClasses,
  type Volume,
  type VolumeClaim,
  volumeClaims,
  volumes,
} from "./volume-kinds.ts";

/** Who makes volumes here, as the storage class "standard" names it: each is a folder in the cluster's state. */
export const folderProvisioner = "folder.isthmus.dev";

const component = "persistentvolume-controller";

/**
 * Brings one PersistentVolumeClaim to its volume: one that is there and fits, the smallest first, or a new one of its
 * storage class. A claim that can get neither says why and waits.
 */
export async function reconcileClaim(cluster: Cluster, key: string): Promise<undefined> {
  const { namespace, name } = splitKey(key);
  const claim = cluster.store(volumeClaims).get(name, namespace);
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return;
  const { volumeName = "" } = claim.spec;
  if (volumeName !== "") {
    const volume = cluster.store(volumes).get(volumeName);
    if (volume === undefined) return noteMissing(cluster, claim);
    if (belongsTo(volume, claim) || mayBind(volume, claim)) await bind(cluster, claim, volume);
    return;
  }
  const present = cluster.store(volumes).list();
  const own = present.find((volume) => belongsTo(volume, claim));
  const fitting = present.filter((volume) => mayBind(volume, claim) && fits(volume, claim));
  const volume = own ?? fitting.sort(bySize)[0] ?? (await provision(cluster, claim));
  if (volume !== undefined) await bind(cluster, claim, volume);
}

/** A claim whose volume has gone has lost what was on it; one that never had it goes on waiting. */
async function noteMissing(cluster: Cluster, claim: VolumeClaim): Promise<undefined> {
  if (claim.status?.phase !== "Bound") return;
  record(
    cluster,
    claim,
    "Warning",
    "ClaimLost",
    "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
  );
  await cluster.replace(volumeClaims, { ...claim, status: { ...claim.status, phase: "Lost" } }, "status");
}

function belongsTo({ spec: { claimRef } }: Volume, { metadata }: VolumeClaim): boolean {
  return claimRef?.uid === metadata.uid && metadata.uid !== undefined;
}

/** Whether the volume is nobody's, or meant for a claim of this name. */
function mayBind({ spec: { claimRef }, metadata }: Volume, claim: VolumeClaim): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  if (claimRef === undefined) return true;
  const isNamed = claimRef.name === claim.metadata.name && claimRef.namespace === claim.metadata.namespace;
  return isNamed && (claimRef.uid ?? "") === "";
}

function fits({ spec, metadata }: Volume, claim: VolumeClaim): boolean {
  const { accessModes = [], storageClassName = "", volumeMode = "Filesystem", selector } = claim.spec;
  return (
    (spec.storageClassName ?? "") === storageClassName &&
    (spec.volumeMode ?? "Filesystem") === volumeMode &&
    accessModes.every((mode) => spec.accessModes?.includes(mode) === true) &&
    compareQuantities(sizeOf(spec.capacity), sizeOf(claim.spec.resources?.requests)) >= 0 &&
    (selector === undefined || matchesLabelSelector(selector, metadata.labels))
  );
}

function bySize(a: Volume, b: Volume): number {
  return compareQuantities(sizeOf(a.spec.capacity), sizeOf(b.spec.capacity));
}

function sizeOf(list: Readonly<Record<string, string>> | undefined): Quantity {
  return parseQuantity(list?.["storage"] ?? "0") ?? { unscaled: 0n, scale: 0, format: "BinarySI" };
}

/** A new volume of the claim's storage class; undefined when nobody here makes one, or not yet. */
async function provision(cluster: Cluster, claim: VolumeClaim): Promise<Volume | undefined> {
  const { storageClassName = "", accessModes = [], volumeMode = "Filesystem", resources } = claim.spec;
  if (storageClassName === "") {
    const why = "no persistent volumes available for this claim and no storage class is set";
    record(cluster, claim, "Normal", "FailedBinding", why);
    return undefined;
  }
  const storageClass = cluster.store(storageClasses).get(storageClassName);
  if (storageClass === undefined) {
    const why = `storageclass.storage.k8s.io ${JSON.stringify(storageClassName)} not found`;
    record(cluster, claim, "Warning", "ProvisioningFailed", why);
    return undefined;
  }
  if (!isOurs(cluster, claim, storageClass)) return undefined;
  const name = `pvc-${claim.metadata.uid}`;
  const created = await cluster.create(volumes, {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": folderProvisioner } },
    spec: {
      capacity: { storage: resources?.requests?.["storage"] ?? "0" },
      accessModes,
      volumeMode,
      storageClassName,
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      claimRef: referenceTo(claim),
      csi: { driver: folderProvisioner, volumeHandle: name },
    },
  });
  record(cluster, claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${name}`);
  return created;
}

/** Whether a volume is to be made here and now; says what is waited for when not. */
function isOurs(cluster: Cluster, claim: VolumeClaim, storageClass: StorageClass): boolean {
  const { provisioner, volumeBindingMode = "Immediate" } = storageClass;
  if (volumeBindingMode === "WaitForFirstConsumer" && !isUsed(cluster, claim)) {
    const why = "waiting for first consumer to be created before binding";
    record(cluster, claim, "Normal", "WaitForFirstConsumer", why);
    return false;
  }
  if (provisioner === folderProvisioner) return true;
  const why = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  record(cluster, claim, "Normal", "ExternalProvisioning", why);
  return false;
}

function isUsed(cluster: Cluster, { metadata }: VolumeClaim): boolean {
  return cluster
    .store(kinds.pods)
    .list(metadata.namespace)
    .some(({ spec }) => claimNames(spec).includes(metadata.name));
}

/** The claims that a pod mounts. */
export function claimNames({
  volumes: mounted = [],
}: {
  readonly volumes?: readonly object[];
}): readonly string[] {
  return mounted.flatMap((volume) => {
    const { persistentVolumeClaim } = volume as {
      readonly persistentVolumeClaim?: { readonly claimName?: string };
    };
    return persistentVolumeClaim?.claimName ?? [];
  });
}

function referenceTo({ metadata: { name, namespace = "", uid = "" } }: VolumeClaim) {
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", name, namespace, uid };
}

/** Ties the two together, from both sides; each step is done again when it was interrupted. */
async function bind(cluster: Cluster, claim: VolumeClaim, volume: Volume): Promise<void> {
  let bound = volume;
  if (!belongsTo(volume, claim)) {
    const spec = { ...volume.spec, claimRef: referenceTo(claim) };
    bound = await cluster.replace(volumes, { ...volume, spec });
  }
  if (bound.status?.phase !== "Bound")
    await cluster.replace(volumes, { ...bound, status: { phase: "Bound" } }, "status");
  let next = claim;
  if (claim.spec.volumeName !== volume.metadata.name) {
    const annotations = {
      ...claim.metadata.annotations,
      "pv.kubernetes.io/bind-completed": "yes",
      "pv.kubernetes.io/bound-by-controller": "yes",
    };
    const { name } = volume.metadata;
    next = await cluster.replace(volumeClaims, {
      ...claim,
      metadata: { ...claim.metadata, annotations },
      spec: { ...claim.spec, volumeName: name },
    });
  }
  const { accessModes = [], capacity = {} } = volume.spec;
  const status = { ...next.status, phase: "Bound", accessModes, capacity } as const;
  if (!isEquivalent(status, next.status)) await cluster.replace(volumeClaims, { ...next, status }, "status");
}

function record(
  cluster: Cluster,
  claim: VolumeClaim,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
): void {
  cluster.events.record(component, claim, { type, reason, message });
}
