import { networkLabel, serviceNameLabel, systemNamespace } from "../../kube/index.ts";

export { networkLabel, serviceNameLabel, systemNamespace };

/** Namespaces of Kubernetes, of the control plane and of peerings: nobody's workloads are expected there. */
export function isSystemNamespace(name: string): boolean {
  return name === systemNamespace || name.startsWith("kube-") || /^liqo(-tenant-|$)/.test(name);
}
