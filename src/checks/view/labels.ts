import { networkLabel, serviceNameLabel, systemNamespace } from "../../kube/index.ts";

export { networkLabel, serviceNameLabel, systemNamespace };

/** Namespaces of Kubernetes and of the control plane: nobody's workloads are expected there. */
export function isSystemNamespace(name: string): boolean {
  return name === systemNamespace || name.startsWith("kube-");
}
