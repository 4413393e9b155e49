import type { EndpointSlice } from "../../kube/index.ts";
import type { ClusterView } from "../contracts.ts";
import { serviceNameLabel, systemNamespace } from "../view/labels.ts";

/** Port of istiod that proxies connect to. */
export const discoveryPort = 15012;

/** Name of istiod's Service, with a revision too. */
const istiodService = /^istiod(-.+)?$/;

/** The addresses behind a remote's Service istiod: where its proxies and its API server look for their control plane. */
export function controlPlaneAddresses(cluster: ClusterView): readonly string[] {
  return controlPlaneSlices(cluster).flatMap(({ endpoints }) =>
    (endpoints ?? []).flatMap(({ addresses }) => addresses),
  );
}

/** The EndpointSlices of the Service istiod. */
export function controlPlaneSlices({ endpointSlices }: ClusterView): readonly EndpointSlice[] {
  return endpointSlices.filter(
    ({ metadata }) =>
      metadata.namespace === systemNamespace && istiodService.test(metadata.labels?.[serviceNameLabel] ?? ""),
  );
}
