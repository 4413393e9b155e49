import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";
import {
  createHttpTransport,
  createKubeClient,
  type KubeClient,
  type Kubeconfig,
  mergeKubeconfigs,
  readKubeconfig,
  resolveAccess,
} from "../kube/index.ts";
import type { Cluster, Mesh } from "../mesh/index.ts";

/** A cluster of a mesh file, reached by its context of a kubeconfig. */
export interface ReachedCluster {
  readonly client: KubeClient;
  close(): void;
}

/**
 * Finds the clusters of a mesh file by the contexts of kubeconfigs. A cluster's own `kubeconfig` counts first, then
 * `kubeconfig`, then those of the environment as kubectl finds them: $KUBECONFIG, ~/.kube/config.
 */
export function clusterAccess(
  mesh: Mesh,
  kubeconfig: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): (cluster: Cluster, signal?: AbortSignal) => Promise<ReachedCluster> {
  const read = new Map<string, Found>();
  const configOf = (cluster: Cluster): Found => {
    const own = cluster.kubeconfig === undefined ? undefined : path.resolve(mesh.folder, cluster.kubeconfig);
    const files = own ?? kubeconfig ?? environment["KUBECONFIG"] ?? path.join(homedir(), ".kube/config");
    const found = read.get(files) ?? readFiles(files);
    read.set(files, found);
    return found;
  };
  return async (cluster, signal) => {
    const { config, folder } = configOf(cluster);
    const access = await resolveAccess(config, contextOf(cluster, config), {
      folder,
      ...(signal === undefined ? {} : { signal }),
    });
    const transport = createHttpTransport(access);
    return { client: createKubeClient(transport), close: () => transport.close() };
  };
}

interface Found {
  readonly config: Kubeconfig;
  /** Files that it names are looked for from here. */
  readonly folder: string;
}

/** Several files are one, as kubectl has it; of those some may be missing. */
function readFiles(files: string): Found {
  const names = files.split(path.delimiter).filter((name) => name !== "");
  const present = names.length === 1 ? names : names.filter((name) => existsSync(name));
  const configs = present.map((name) => readKubeconfig(readText(name), name));
  return { config: mergeKubeconfigs(configs), folder: path.dirname(path.resolve(present[0] ?? ".")) };
}

/** The context that the mesh file names; in the kubeconfig of a mesh on this machine they are called as the clusters. */
function contextOf({ context, name }: Cluster, { contexts }: Kubeconfig): string {
  return contexts.has(context) || !contexts.has(name) ? context : name;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new IsthmusError("arguments/wrong", `the kubeconfig ${file} can't be read`, {
      cause,
      nextStep:
        "Name one with --kubeconfig, or set KUBECONFIG. A mesh on this machine has its own in .isthmus/kubeconfig.",
    });
  }
}
