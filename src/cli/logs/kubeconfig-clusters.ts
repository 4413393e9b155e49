import { readFileSync } from "node:fs";
import path from "node:path";
import { IsthmusError } from "../../base/index.ts";
import {
  accessOf,
  createHttpTransport,
  createKubeClient,
  type KubeClient,
  readKubeconfig,
} from "../../kube/index.ts";

/** A cluster reached by a context of a kubeconfig. */
export interface ReachedCluster {
  readonly name: string;
  readonly client: KubeClient;
  /** Ends its idle connections. */
  close(): void;
}

/** The contexts of a kubeconfig as clusters: those named, else all. cluster/unknown for a name that it has not. */
export function kubeconfigClusters(file: string, names: readonly string[]): ReachedCluster[] {
  const config = readKubeconfig(read(file), file);
  const wanted = names.length === 0 ? [...config.contexts.keys()] : names;
  return wanted.map((name) => {
    const transport = createHttpTransport(accessOf(config, name, path.dirname(file)));
    return { name, client: createKubeClient(transport), close: () => transport.close() };
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (reason) {
    throw new IsthmusError("arguments/wrong", `${file} can't be read`, { cause: reason });
  }
}
