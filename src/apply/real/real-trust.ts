import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { IsthmusError } from "../../base/index.ts";
import { type CaFiles, caFileNames } from "../../ca/index.ts";
import { type KubeClient, kinds, systemNamespace } from "../../kube/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { clusterFailure } from "../cluster-failure.ts";
import { loadTrust, type MeshTrust, type TrustFolders } from "../trust.ts";
import type { RealCluster } from "./real-cluster.ts";

/**
 * The CA of every workload cluster: of the folder that the mesh file names, else an intermediate under a root that is generated
 * once and kept in `folders`. A generated CA that a cluster has already stays as it is, whoever applies from wherever; for
 * another cluster the root's key has to be here, or it is trust/missing-file.
 */
export async function realTrust(
  mesh: Mesh,
  folders: TrustFolders,
  clusters: ReadonlyMap<string, RealCluster>,
  now: number,
): Promise<Pick<MeshTrust, "files" | "created">> {
  const isGenerated = (name: string) =>
    [...mesh.clusters.values()].some(
      ({ name: one, trust }) => one === name && trust.cacerts === undefined && trust.issuer === undefined,
    );
  const present = new Map<string, CaFiles>();
  for (const { name, client } of clusters.values()) {
    const files = isGenerated(name) ? await readCacerts(name, client) : undefined;
    if (files !== undefined) present.set(name, files);
  }
  const [[first, { "root-cert.pem": root }] = ["", { "root-cert.pem": "" }]] = present;
  if (first === "" || mesh.trust.exchangeRoots) return loadTrust(mesh, folders, now);
  const here = path.join(folders.trust, "root-cert.pem");
  const isSameRoot = existsSync(here) && readFileSync(here, "utf8").trim() === root.trim();
  if (isSameRoot) {
    const { files, created } = loadTrust(mesh, folders, now);
    return { files: new Map([...files, ...present]), created };
  }
  const lacking = [...mesh.clusters.values()]
    .filter(({ name, role }) => role === "workload" && isGenerated(name) && !present.has(name))
    .map(({ name }) => name);
  if (lacking.length > 0)
    throw new IsthmusError(
      "trust/missing-file",
      `${first} has a CA of a generated root whose key is not here, and ${lacking.join(", ")} ${lacking.length === 1 ? "needs" : "need"} one of the same root`,
      {
        nextStep: `Copy the folder ${folders.trust} from where the mesh was first applied, or name your own CA with trust.cacerts.`,
      },
    );
  return { files: present, created: [] };
}

/** The CA that a cluster has, when it is complete. */
async function readCacerts(cluster: string, client: KubeClient): Promise<CaFiles | undefined> {
  const secret = await client.get(kinds.secrets, "cacerts", systemNamespace).catch((reason: unknown) => {
    throw clusterFailure(cluster, reason);
  });
  const files: Partial<Record<(typeof caFileNames)[number], string>> = {};
  for (const name of caFileNames) {
    const data = secret?.data?.[name];
    if (data === undefined) return undefined;
    files[name] = Buffer.from(data, "base64").toString("utf8");
  }
  return files as CaFiles;
}
