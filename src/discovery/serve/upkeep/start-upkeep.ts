import type { StartUpkeep } from "./contracts.ts";
import { keepRootConfigMaps } from "./keep-root-config-maps.ts";
import { keepWebhookBundles } from "./keep-webhook-bundles.ts";

/** Starts keeping caBundles and ConfigMaps istio-ca-root-cert of one cluster true, until the signal aborts. Never rejects. */
export const startUpkeep: StartUpkeep = (options) => {
  keepWebhookBundles(options);
  keepRootConfigMaps(options);
};
