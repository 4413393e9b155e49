import type { Cluster } from "../mesh/index.ts";

const defaultVersion = "1.33.1";

/** The version that a cluster's API server and nodes report: "1.33.1". */
export function kubernetesVersionOf({ kubernetes }: Cluster): string {
  return kubernetes ?? defaultVersion;
}
