import type { Container, Pod, Workload } from "../../../kube/index.ts";
import type { ProxyConfig } from "./proxy-config.ts";
import type { TemplateValues } from "./template-values.ts";

/** What a template is filled with. */
export interface TemplateInput {
  /** The pod as its author wrote it: without what an earlier injection added. */
  readonly pod: Pod;
  readonly namespace: string;
  readonly workload: Workload;
  readonly proxyConfig: ProxyConfig;
  readonly values: TemplateValues;
}

/** What a template adds to a pod, by Kubernetes' strategic merge. */
export interface Overlay {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string; readonly [source: string]: unknown }[];
    readonly securityContext?: Readonly<Record<string, unknown>>;
    readonly imagePullSecrets?: readonly { readonly name: string }[];
  };
}

/** Makes what is added to a pod. Pure. */
export type Template = (input: TemplateInput) => Overlay;

/** Name of the proxy's container, in every template. */
export const proxyContainerName = "istio-proxy";

/** Name of the init container that sets up redirection. */
export const initContainerName = "istio-init";

/** The value of a pod's annotation, else the one of chart values `global.proxy`, as text. */
export function setting({ pod, values }: TemplateInput, annotation: string, proxyValue: string): string {
  const value = pod.metadata.annotations?.[annotation] ?? values.proxy[proxyValue];
  return value === undefined || value === null ? "" : String(value);
}

/** The number that an annotation or chart values `global.proxy` gives. */
export function numberSetting(input: TemplateInput, annotation: string, proxyValue: string): number {
  return Number(setting(input, annotation, proxyValue));
}

/** The containers of a pod that are not the proxy's. */
export function appContainers(pod: Pod): readonly Container[] {
  return pod.spec.containers.filter(({ name }) => name !== proxyContainerName);
}
