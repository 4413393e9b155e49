import {
  applyStrategicMergePatch,
  type Container,
  isJsonObject,
  networkLabel,
  type Pod,
  type SchemaNode,
  workloadOf,
} from "../../../kube/index.ts";
import { checkAnnotations } from "./check-annotations.ts";
import type { InjectionSettings } from "./contracts.ts";
import { formatInjectionStatus, injectionStatusOf, statusAnnotation } from "./injection-status.ts";
import { isNativeSidecar, withProxyAmongInitContainers } from "./native-sidecar.ts";
import { mergePrometheus } from "./prometheus-merge.ts";
import { proxyConfigOf } from "./proxy-config.ts";
import { withProxyEnvironment } from "./proxy-in-pod.ts";
import { selectTemplates } from "./select-templates.ts";
import { sidecarTemplate } from "./sidecar-template.ts";
import { initContainerName, type Overlay, proxyContainerName, type TemplateInput } from "./template.ts";
import { readTemplateValues } from "./template-values.ts";

const overridesAnnotation = "proxy.istio.io/overrides";

/** One pod to inject. */
export interface Injection {
  readonly pod: Pod;
  readonly namespace: string;
  /** Variables that the webhook's path sets. */
  readonly pathVariables: ReadonlyMap<string, string>;
  readonly settings: InjectionSettings;
  /** The schema of pods, for strategic merges. */
  readonly schema: SchemaNode;
}

/**
 * The pod with its proxy. What the pod's author wrote for a container of the proxy's name lies over the template;
 * a pod that was injected before has its proxy made anew. Throws RangeError when the pod asks for what can't be done.
 */
export function injectPod({ pod: given, namespace, pathVariables, settings, schema }: Injection): Pod {
  const annotations = given.metadata.annotations ?? {};
  const templates = selectTemplates(given);
  const isNative = templates.includes(sidecarTemplate) && isNativeSidecar(given);
  const pod = isNative ? withProxyAmongInitContainers(given) : given;
  checkAnnotations(annotations);
  const proxyConfig = proxyConfigOf(settings, annotations["proxy.istio.io/config"]);
  const values = readTemplateValues(settings);
  const clusterName = pathVariables.get("ISTIO_META_CLUSTER_ID") ?? values.clusterName;
  const network =
    pod.metadata.labels?.[networkLabel] ?? pathVariables.get("ISTIO_META_NETWORK") ?? values.network;
  const input: TemplateInput = {
    pod: asWritten(pod),
    namespace,
    workload: workloadOf(pod),
    proxyConfig,
    values: { ...values, clusterName, network },
  };
  const merge = (target: unknown, patch: unknown) => applyStrategicMergePatch(target, patch, schema);
  const overlays = templates.map((template) => template(input));
  const template = overlays.reduce((all: unknown, one) => merge(all, one), {}) as Overlay;
  const filled = merge(pod, template) as Pod;
  const overridden = withOverrides(filled, pod, template, (target, patch) => merge(target, patch) as Pod);
  const located = withProxyEnvironment(
    overridden,
    new Map([
      ...pathVariables,
      ["ISTIO_META_CLUSTER_ID", clusterName],
      ...(network === "" ? [] : ([["ISTIO_META_NETWORK", network]] as const)),
    ]),
  );
  const measured = mergePrometheus(located, {
    isOn: values.prometheusMerge,
    statusPort: proxyConfig.statusPort,
  });
  const { labels, annotations: all } = measured.metadata;
  return {
    ...measured,
    metadata: {
      ...measured.metadata,
      labels: { ...labels, ...(network === "" ? {} : { [networkLabel]: network }) },
      annotations: { ...all, [statusAnnotation]: formatInjectionStatus(template, values.revision) },
    },
    spec: {
      ...measured.spec,
      ...inOrder(
        measured,
        values.holdApplicationUntilProxyStarts || proxyConfig.holdApplicationUntilProxyStarts,
      ),
    },
  };
}

interface Overrides {
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
}

/** The pod without what an earlier injection added, but with what its author had written for those containers. */
function asWritten(pod: Pod): Pod {
  const status = injectionStatusOf(pod);
  if (status === undefined) return pod;
  const overrides = overridesOf(pod);
  const back = (present: readonly Container[], added: ReadonlySet<string>, own: readonly Container[]) => [
    ...present.filter(({ name }) => !added.has(name)),
    ...own.filter(({ name }) => added.has(name)),
  ];
  const { containers, initContainers = [] } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: back(containers, status.containers, overrides.containers),
      initContainers: back(initContainers, status.initContainers, overrides.initContainers),
    },
  };
}

/** What was written for the proxy's containers in a pod that was injected before. Throws RangeError when it can't be read. */
function overridesOf(pod: Pod): Overrides {
  const text = pod.metadata.annotations?.[overridesAnnotation];
  let value: unknown = {};
  try {
    value = JSON.parse(text ?? "{}");
  } catch {
    // Told below, with the other ways to be wrong.
    value = undefined;
  }
  const { containers = [], initContainers = [] } = isJsonObject(value) ? value : { containers: undefined };
  if (!isJsonObject(value) || !isContainers(containers) || !isContainers(initContainers))
    throw new RangeError(`annotation ${overridesAnnotation} does not hold containers as JSON`);
  return { containers, initContainers };
}

function isContainers(value: unknown): value is readonly Container[] {
  return Array.isArray(value) && value.every((one) => isJsonObject(one) && typeof one["name"] === "string");
}

/**
 * Lays the containers that the pod's author wrote over those of the same name that the template made, and keeps them
 * in an annotation, so that injecting once more comes to the same end.
 */
function withOverrides(
  filled: Pod,
  original: Pod,
  template: Overlay,
  merge: (target: Pod, patch: unknown) => Pod,
): Pod {
  const status = injectionStatusOf(original);
  const before = overridesOf(original);
  const own = (field: "containers" | "initContainers"): Container[] => {
    const made = new Set(template.spec[field]?.map(({ name }) => name));
    const written = [
      ...before[field],
      ...(original.spec[field] ?? []).filter(
        ({ name }) => status?.[field].has(name) !== true && before[field].every((one) => one.name !== name),
      ),
    ];
    return written.filter(({ name }) => made.has(name)).map(withoutAutoImage);
  };
  const overrides = Object.fromEntries(
    (["containers", "initContainers"] as const)
      .map((field) => [field, own(field)] as const)
      .filter(([, list]) => list.length > 0),
  );
  if (Object.keys(overrides).length === 0) return filled;
  const merged = merge(filled, { spec: overrides });
  if (status !== undefined) return merged;
  const { annotations } = merged.metadata;
  return {
    ...merged,
    metadata: {
      ...merged.metadata,
      annotations: { ...annotations, [overridesAnnotation]: JSON.stringify(overrides) },
    },
  };
}

/** A container has to name an image; `auto` leaves it to the template. */
function withoutAutoImage({ image, ...container }: Container): Container {
  return image === undefined || image === "auto" ? container : { ...container, image };
}

/**
 * The proxy comes after the app's containers, so that tools that take the first one take the app's, unless the app
 * has to wait for it. Redirection comes after the app's own init containers: there is no proxy yet to go through.
 * A native sidecar and its redirection come before them: they have a proxy to go through.
 */
function inOrder(pod: Pod, isProxyFirst: boolean): Pick<Pod["spec"], "containers" | "initContainers"> {
  const { containers, initContainers } = pod.spec;
  const proxy = containers.filter(({ name }) => name === proxyContainerName);
  const others = containers.filter(({ name }) => name !== proxyContainerName);
  const first = (initContainers ?? []).filter(({ name }) => name === initContainerName);
  const native = (initContainers ?? []).filter(({ name }) => name === proxyContainerName);
  const own = (initContainers ?? []).filter(
    ({ name }) => name !== initContainerName && name !== proxyContainerName,
  );
  return {
    containers: isProxyFirst ? [...proxy, ...others] : [...others, ...proxy],
    ...(initContainers === undefined
      ? {}
      : { initContainers: native.length > 0 ? [...first, ...native, ...own] : [...own, ...first] }),
  };
}
