import type { Namespace } from "./types.ts";

/** The label that switches injection on for a namespace, as kubectl writes it; undefined when none does. */
export function injectionLabel(namespace: Namespace | undefined): string | undefined {
  const labels = namespace?.metadata.labels ?? {};
  const revision = labels["istio.io/rev"];
  if (labels["istio-injection"] !== undefined)
    return labels["istio-injection"] === "enabled" ? "istio-injection=enabled" : undefined;
  return revision === undefined ? undefined : `istio.io/rev=${revision}`;
}

/** Whether pods of the namespace get sidecars. */
export function isInjected(namespace: Namespace): boolean {
  return injectionLabel(namespace) !== undefined;
}
