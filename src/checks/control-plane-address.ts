import type { ClusterView } from "./contracts.ts";
import { serviceNameLabel, systemNamespace } from "./labels.ts";

/** Port of istiod that proxies connect to. */
export const discoveryPort = 15012;

/** The addresses behind a remote's Service istiod: where its proxies and its API server look for their control plane. */
export function controlPlaneAddresses({ endpointSlices }: ClusterView): readonly string[] {
  return endpointSlices
    .filter(
      ({ metadata }) =>
        metadata.namespace === systemNamespace && metadata.labels?.[serviceNameLabel] === "istiod",
    )
    .flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
}
