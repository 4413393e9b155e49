/** Domain of Kubernetes Services. */
export const domainOfServices = "svc.cluster.local";

/**
 * A host of Istio's rules as the full name of a Service: short ones belong to the rule's namespace. Names that are no
 * Service's, and wildcards, stay as they are.
 */
export function fullHost(host: string, namespace: string): string {
  if (host.includes("*")) return host;
  const parts = host.split(".");
  if (parts.length === 1) return `${host}.${namespace}.${domainOfServices}`;
  if (parts.length === 2) return `${host}.${domainOfServices}`;
  if (parts.length === 3 && parts[2] === "svc") return `${host}.cluster.local`;
  return host;
}

/** Whether a rule for `pattern` is about `host`: the same name, or "*.suffix". */
export function coversHost(pattern: string, host: string): boolean {
  return pattern === host || pattern === "*" || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)));
}
