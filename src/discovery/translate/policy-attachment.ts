import type { KubeObject } from "../../kube/index.ts";
import type { Attachable } from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { selects } from "./objects.ts";
import type { ProxyNode } from "./proxy-node.ts";

const gatewayLabel = "gateway.networking.k8s.io/gateway-name";

/** Whether a policy is for all workloads of its namespace. */
export function isGeneral(spec: Attachable | undefined): boolean {
  return targetsOf(spec).length === 0 && Object.keys(spec?.selector?.matchLabels ?? {}).length === 0;
}

/**
 * Whether a policy of `namespace` is for a proxy, whose namespace or root namespace that is: by its selector, or by
 * the name of the proxy's Gateway of Kubernetes. One that names targets is for nobody else.
 */
export function isAttached(spec: Attachable | undefined, namespace: string, proxy: ProxyNode): boolean {
  const targets = targetsOf(spec);
  if (targets.length === 0) return isGeneral(spec) || selects(spec?.selector?.matchLabels, proxy.labels);
  const gateway = proxy.labels[gatewayLabel];
  return targets.some(
    (target) =>
      gateway !== undefined &&
      namespace === proxy.namespace &&
      target.group === "gateway.networking.k8s.io" &&
      target.kind === "Gateway" &&
      target.name === gateway &&
      ((target.namespace ?? "") === "" || target.namespace === namespace),
  );
}

/** Of `policies` those for a proxy: the mesh's, then its namespace's. */
export function attachedPolicies<T extends KubeObject & { readonly spec?: Attachable }>(
  policies: readonly T[],
  { rootNamespace }: Pick<MeshConfig, "rootNamespace">,
  proxy: ProxyNode,
): readonly T[] {
  return [...new Set([rootNamespace, proxy.namespace])].flatMap((namespace) =>
    policies.filter(
      ({ metadata, spec }) => metadata.namespace === namespace && isAttached(spec, namespace, proxy),
    ),
  );
}

function targetsOf(spec: Attachable | undefined) {
  const { targetRef, targetRefs = [] } = spec ?? {};
  return targetRefs.length === 0 && targetRef !== undefined ? [targetRef] : targetRefs;
}
