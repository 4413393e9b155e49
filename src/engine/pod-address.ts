import type { Pod } from "../kube/index.ts";
import type { RunningMesh } from "./start-mesh.ts";

/** Port of every pod's address that speaks HTTP proxy: the way through the pod's sidecar for ordinary programs. */
export const httpProxyPort = 15080;

/** A pod that programs of this machine can act as. */
export interface PodAddress {
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly address: string;
  readonly httpProxyPort: number;
  /** Value of Proxy-Authorization for requests in the pod's name. */
  readonly httpProxyAuthorization: string;
}

/** Where and how requests are made in the pod's name. */
export function podAddress(
  { metadata, status }: Pod,
  cluster: string,
  mesh: Pick<RunningMesh, "dispatcherAuthorization">,
): PodAddress {
  const { name, namespace = "default" } = metadata;
  return {
    cluster,
    namespace,
    pod: name,
    address: status?.podIP ?? "",
    httpProxyPort,
    httpProxyAuthorization: mesh.dispatcherAuthorization,
  };
}
