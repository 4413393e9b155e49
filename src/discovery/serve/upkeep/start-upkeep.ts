import { kinds, startInformer } from "../../../kube/index.ts";
import type { StartUpkeep, UpkeepOptions } from "./contracts.ts";
import { keepCaBundles } from "./keep-ca-bundles.ts";
import { keepRootConfigMaps } from "./keep-root-config-maps.ts";
import { keepValidationWebhooks } from "./keep-validation-webhooks.ts";
import type { NamespaceInformer } from "./upkeep-target.ts";

const controlPlaneClusters = "topology.istio.io/controlPlaneClusters";

/** See StartUpkeep. Acts on changes that it watches; only what failed is tried again after a while. */
export const startUpkeep: StartUpkeep = (options) => {
  const { client, signal, log } = options;
  const namespaces = startInformer(client, kinds.namespaces, { signal, log });
  const target = { ...options, namespaces, isInCharge: () => isInCharge(options, namespaces) };
  keepCaBundles(target);
  keepRootConfigMaps(target);
  // Istio's objects count in the control plane's own cluster only.
  if (isOwn(options)) keepValidationWebhooks(target);
};

function isInCharge(options: UpkeepOptions, namespaces: NamespaceInformer): boolean {
  if (isOwn(options)) return true;
  const { controlPlaneCluster, systemNamespace } = options;
  const named = namespaces.get(systemNamespace)?.metadata.annotations?.[controlPlaneClusters] ?? "";
  return named.split(",").some((name) => name.trim() === "*" || name.trim() === controlPlaneCluster);
}

function isOwn({ clusterId, controlPlaneCluster = clusterId }: UpkeepOptions): boolean {
  return controlPlaneCluster === clusterId;
}
