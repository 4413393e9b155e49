import {
  type Container,
  type EndpointSlice,
  isInjected,
  isJsonObject,
  jsonEqual,
  type KubeObject,
  matchesLabels,
  type Namespace,
  objectKey,
  type Pod,
  type PodTemplate,
  type Service,
  serviceNameLabel,
  workloadOf,
} from "../kube/index.ts";
import { type ClusterObjects, objectId } from "./cluster-objects.ts";
import { isReadyPod, proxyContainerName } from "./mesh-pods.ts";

const workloadKinds = new Set(["Deployment", "StatefulSet", "DaemonSet"]);

/**
 * The cluster after its controllers have followed what changed since `before`: a workload's pods are as many and of the
 * form that it asks for, and Services have the endpoints of the pods that they select. What did not change stays as found.
 */
export function settleWorkloads(before: ClusterObjects, after: ClusterObjects): ClusterObjects {
  const objects = new Map(after.objects);
  const touched = new Set<string>();
  for (const id of new Set([...before.objects.keys(), ...after.objects.keys()])) {
    const [old, now] = [before.objects.get(id), after.objects.get(id)];
    const object = now ?? old;
    if (object === undefined || old === now || !workloadKinds.has(object.kind)) continue;
    if (replacePods(objects, old, now)) touched.add(object.metadata.namespace ?? "");
  }
  const services = [...objects.values()].filter(isService);
  for (const service of services) {
    const isChanged = !jsonEqual(routing(before.objects.get(objectId(service))), routing(service));
    if (isChanged || touched.has(service.metadata.namespace ?? "")) replaceSlices(objects, service);
  }
  const present = new Set(services.map(objectKey));
  for (const [id, object] of objects)
    if (isSlice(object) && object.metadata.labels?.[serviceNameLabel] !== undefined)
      if (!present.has(`${object.metadata.namespace}/${object.metadata.labels[serviceNameLabel]}`))
        objects.delete(id);
  return { cluster: after.cluster, objects };
}

/** What of a Service decides where it leads. */
function routing(service: KubeObject | undefined): unknown {
  if (service === undefined || !isService(service)) return undefined;
  return [
    service.spec.selector,
    service.spec.ports?.map(({ name, port, targetPort }) => [name, port, targetPort]),
  ];
}

/** Whether other pods are there now. */
function replacePods(
  objects: Map<string, KubeObject>,
  old: KubeObject | undefined,
  now: KubeObject | undefined,
): boolean {
  const workload = now ?? old;
  if (workload === undefined) return false;
  const { namespace } = workload.metadata;
  const own = [...objects].filter(([, object]) => {
    if (!isPod(object) || object.metadata.namespace !== namespace) return false;
    const { kind, name } = workloadOf(object);
    return kind === workload.kind && name === workload.metadata.name;
  });
  const template = now === undefined ? undefined : templateOf(now);
  const isNewTemplate = template !== undefined && !jsonEqual(template, old && templateOf(old));
  const replicas = now === undefined ? 0 : (replicasOf(now) ?? Math.max(1, own.length));
  const kept = isNewTemplate ? [] : own.slice(0, replicas);
  if (kept.length === own.length && kept.length === replicas) return false;
  const keep = new Set(kept.map(([id]) => id));
  for (const [id] of own) if (!keep.has(id)) objects.delete(id);
  if (now === undefined || template === undefined) return true;
  const space = objects.get(` Namespace ${namespace}`) as Namespace | undefined;
  for (let i = kept.length; i < replicas; i++) {
    const pod = plannedPod(now, template, i, space !== undefined && isInjected(space));
    objects.set(objectId(pod), pod);
  }
  return true;
}

function templateOf(workload: KubeObject): PodTemplate | undefined {
  const { spec } = workload;
  return isJsonObject(spec) && isJsonObject(spec["template"])
    ? (spec["template"] as unknown as PodTemplate)
    : undefined;
}

function replicasOf(workload: KubeObject): number | undefined {
  const replicas = isJsonObject(workload["spec"]) ? workload["spec"]["replicas"] : undefined;
  return typeof replicas === "number" ? replicas : undefined;
}

/** A pod as a workload's controller and the injection webhook would make it. */
function plannedPod(workload: KubeObject, template: PodTemplate, index: number, isInjecting: boolean): Pod {
  const { name, namespace = "default", uid = "" } = workload.metadata;
  const { labels = {}, annotations = {} } = template.metadata ?? {};
  const spec = template.spec;
  const wanted = labels["sidecar.istio.io/inject"] ?? annotations["sidecar.istio.io/inject"];
  const injects = wanted === undefined ? isInjecting : wanted === "true";
  const isGateway = annotations["inject.istio.io/templates"] === "gateway";
  const written = spec.containers.find((container) => container.name === proxyContainerName);
  const proxy: Container = {
    ...written,
    name: proxyContainerName,
    args: ["proxy", isGateway ? "router" : "sidecar"],
  };
  const others = spec.containers.filter((container) => container.name !== proxyContainerName);
  const hash = labels["pod-template-hash"] ?? "planned";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${name}-${hash}-${index}`,
      namespace,
      labels: {
        ...labels,
        ...(workload.kind === "Deployment" ? { "pod-template-hash": hash } : {}),
        ...(injects && !isGateway ? { "security.istio.io/tlsMode": "istio" } : {}),
      },
      annotations,
      ownerReferences: [
        workload.kind === "Deployment"
          ? { apiVersion: "apps/v1", kind: "ReplicaSet", name: `${name}-${hash}`, uid, controller: true }
          : { apiVersion: "apps/v1", kind: workload.kind, name, uid, controller: true },
      ],
    },
    spec: { ...spec, containers: injects ? [proxy, ...others] : spec.containers },
    status: {
      phase: "Running",
      podIP: podAddress(`${namespace}/${name}/${index}`),
      conditions: [{ type: "Ready", status: "True" }],
    },
  } as Pod;
}

/** An address that no pod has (198.19.0.0/16, RFC 2544), the same for the same pod. */
function podAddress(identity: string): string {
  let hash = 0;
  for (const letter of identity) hash = (hash * 31 + letter.charCodeAt(0)) & 0xffff;
  return `198.19.${hash >> 8}.${hash & 255}`;
}

/** Endpoints by what the Service selects now, in place of those that there were. */
function replaceSlices(objects: Map<string, KubeObject>, service: Service): void {
  const { name, namespace = "" } = service.metadata;
  const { selector } = service.spec;
  if (selector === undefined || Object.keys(selector).length === 0) return;
  for (const [id, object] of objects)
    if (isSlice(object) && object.metadata.namespace === namespace)
      if (object.metadata.labels?.[serviceNameLabel] === name) objects.delete(id);
  const pods = [...objects.values()].filter(
    (object): object is Pod =>
      isPod(object) &&
      object.metadata.namespace === namespace &&
      object.status?.podIP !== undefined &&
      matchesLabels(selector, object.metadata.labels ?? {}),
  );
  // Pods may call a port that the Service means by name differently: a slice for each.
  for (const [i, pod] of pods.entries()) {
    const slice: EndpointSlice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-planned-${i}`, namespace, labels: { [serviceNameLabel]: name } },
      addressType: "IPv4",
      endpoints: [
        {
          addresses: [pod.status?.podIP ?? ""],
          conditions: { ready: isReadyPod(pod) },
          targetRef: { kind: "Pod", name: pod.metadata.name, namespace },
          ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
        },
      ],
      ports: (service.spec.ports ?? []).flatMap(({ name: portName, port, targetPort, protocol }) => {
        const number = portNumber(pod, targetPort ?? port);
        return number === undefined
          ? []
          : [{ name: portName ?? "", port: number, protocol: protocol ?? "TCP" }];
      }),
    } as EndpointSlice;
    objects.set(objectId(slice), slice);
  }
}

function portNumber(pod: Pod, target: number | string): number | undefined {
  if (typeof target === "number" || /^\d+$/.test(target)) return Number(target);
  return pod.spec.containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === target)
    ?.containerPort;
}

function isPod(object: KubeObject): object is Pod {
  return object.kind === "Pod";
}

function isService(object: KubeObject): object is Service {
  return object.kind === "Service" && object.apiVersion === "v1";
}

function isSlice(object: KubeObject): object is EndpointSlice {
  return object.kind === "EndpointSlice";
}
