/** Milliseconds since 1970 as Kubernetes objects carry a time: whole seconds, RFC 3339, UTC. */
export function kubeTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
