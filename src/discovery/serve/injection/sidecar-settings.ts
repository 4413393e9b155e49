import { type Container, isJsonObject } from "../../../kube/index.ts";
import type { TemplateInput } from "./template.ts";

/** How connections of the pod get to its sidecar: REDIRECT, TPROXY or NONE. */
export function interceptionModeOf({ pod, proxyConfig }: TemplateInput): string {
  return pod.metadata.annotations?.["sidecar.istio.io/interceptionMode"] || proxyConfig.interceptionMode;
}

/** What the sidecar may use: the pod's annotations when it has one of them, else the chart's values. */
export function proxyResources({ pod, values }: TemplateInput): NonNullable<Container["resources"]> {
  const annotation = (name: string) => pod.metadata.annotations?.[`sidecar.istio.io/${name}`];
  const requests = present({ cpu: annotation("proxyCPU"), memory: annotation("proxyMemory") });
  const limits = present({ cpu: annotation("proxyCPULimit"), memory: annotation("proxyMemoryLimit") });
  if (requests !== undefined || limits !== undefined)
    return { ...(requests === undefined ? {} : { requests }), ...(limits === undefined ? {} : { limits }) };
  const { resources } = values.proxy;
  return isJsonObject(resources) ? resources : {};
}

function present(amounts: Readonly<Record<string, string | undefined>>): Record<string, string> | undefined {
  const given: Record<string, string> = {};
  for (const [name, amount] of Object.entries(amounts)) if (amount !== undefined) given[name] = amount;
  return Object.keys(given).length === 0 ? undefined : given;
}
