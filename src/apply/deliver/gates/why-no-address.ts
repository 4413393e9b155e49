import { type KubeClient, kinds } from "../../../kube/index.ts";
import { lastWarning } from "./recent-events.ts";

/** What is known of why a Service has no external address yet, in words; "" when nothing is. */
export async function whyNoAddress(client: KubeClient, name: string, namespace: string): Promise<string> {
  const warning = await lastWarning(client, { kind: "Service", name, namespace });
  if (warning !== "") return warning;
  const service = await client.get(kinds.services, name, namespace).catch(() => undefined);
  if (service === undefined) return "there is no such Service";
  if (service.spec.type !== "LoadBalancer") return `its type is ${service.spec.type ?? "ClusterIP"}`;
  return "its load balancer is pending, and no event says why";
}
