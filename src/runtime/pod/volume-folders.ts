import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Kind, KubeObject, Pod } from "../../kube/index.ts";
import type { NodesOptions } from "../contracts.ts";

interface Claim extends KubeObject {
  readonly spec: { readonly volumeName?: string };
}

const claims: Kind<Claim> = {
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  namespaced: true,
};
const volumes: Kind = {
  group: "",
  version: "v1",
  kind: "PersistentVolume",
  plural: "persistentvolumes",
  namespaced: false,
};

type Place = Pick<NodesOptions, "client" | "stateFolder">;

/**
 * The pod's volumes that are folders of this machine, by name: emptyDirs, which live below `shared` as long as the pod,
 * and claims, whose folder is their volume's and outlives it, whatever disk the volume would be elsewhere. A claim that
 * is not bound is as empty as an emptyDir.
 */
export async function volumeFolders(
  { spec, metadata }: Pod,
  shared: string,
  place: Place,
): Promise<ReadonlyMap<string, string>> {
  const folders = new Map<string, string>();
  for (const { name, emptyDir, persistentVolumeClaim } of spec.volumes ?? []) {
    const own = path.join(shared, name);
    if (emptyDir !== undefined) folders.set(name, own);
    const { claimName } = (persistentVolumeClaim ?? {}) as { readonly claimName?: string };
    if (claimName !== undefined)
      folders.set(name, (await claimFolder(place, metadata.namespace ?? "", claimName)) ?? own);
  }
  return folders;
}

async function claimFolder(
  { client, stateFolder }: Place,
  namespace: string,
  name: string,
): Promise<string | undefined> {
  const claim = await client.get(claims, name, namespace);
  const volume = claim?.spec.volumeName ?? "";
  // Users may write claims with any volume name themselves; none leads out of the folder.
  return /^[a-z0-9][-a-z0-9.]*$/.test(volume) ? path.join(keptVolumes(stateFolder), volume) : undefined;
}

/** Removes the folders of volumes that are no more. */
export async function removeLeftVolumes({ client, stateFolder }: Place): Promise<void> {
  const names = await readdir(keptVolumes(stateFolder)).catch((): string[] => []);
  if (names.length === 0) return;
  const present = new Set((await client.list(volumes)).items.map(({ metadata }) => metadata.name));
  for (const name of names)
    if (!present.has(name))
      await rm(path.join(keptVolumes(stateFolder), name), { recursive: true, force: true });
}

function keptVolumes(stateFolder: string): string {
  return path.join(stateFolder, "volumes");
}
