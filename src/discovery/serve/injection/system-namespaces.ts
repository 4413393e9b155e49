/** Namespaces of Kubernetes itself, whose pods never take part in a mesh. */
export const systemNamespaces: ReadonlySet<string> = new Set([
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "local-path-storage",
]);
