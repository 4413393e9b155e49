import type { KindCheck } from "../contracts.ts";
import { checkSelector } from "../parts/labels.ts";

/** Checks a ProxyConfig. */
export const checkProxyConfig: KindCheck = ({ spec }) => {
  checkSelector(spec.field("selector"), "matchLabels");
  const concurrency = spec.field("concurrency");
  if (concurrency.number < 0) concurrency.error("concurrency must be greater than or equal to 0");
};
