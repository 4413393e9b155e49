import {
  type EndpointSlice,
  objectKey,
  type Pod,
  type Service,
  type ServicePort,
  serviceNameLabel,
  servicePortProtocol,
} from "../kube/index.ts";
import { type Landing, nobody, versionOf } from "./follow-cluster.ts";
import { proxyContainer } from "./mesh-pods.ts";
import { type ClusterView, type MeshView, type PlacedPod, workloadId } from "./mesh-view.ts";
import { admit } from "./read-admission.ts";

/** A Service as callers without a sidecar reach it. */
export interface PlainDestination {
  readonly service: string;
  readonly namespace: string;
  readonly port: number;
  readonly landings: readonly Landing[];
}

/** One pod for each workload without a proxy that may call others. */
export function plainCallers({ pods, cluster }: ClusterView): readonly PlacedPod[] {
  const found = new Map<string, PlacedPod>();
  for (const pod of pods) {
    const placed = { cluster, pod };
    const isOver = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    if (proxyContainer(pod) === undefined && !isOver && !found.has(workloadId(placed)))
      found.set(workloadId(placed), placed);
  }
  return [...found.values()];
}

/**
 * What callers without a sidecar find: Services of their own cluster with the pods behind them there, in the clear and with
 * even shares, whatever rules the mesh has; those pods' own proxies decide who comes in.
 */
export function plainDestinations(view: MeshView, cluster: ClusterView): readonly PlainDestination[] {
  return cluster.services.flatMap((service) =>
    (service.spec.ports ?? [])
      .filter(({ protocol = "TCP" }) => protocol === "TCP")
      .map((port): PlainDestination => {
        const { name, namespace = "" } = service.metadata;
        return {
          service: name,
          namespace,
          port: port.port,
          landings: landingsOf(view, cluster, service, port),
        };
      }),
  );
}

function landingsOf(
  view: MeshView,
  cluster: ClusterView,
  service: Service,
  port: ServicePort,
): readonly Landing[] {
  const own = cluster.slices.filter(
    ({ metadata }) =>
      metadata.namespace === service.metadata.namespace &&
      metadata.labels?.[serviceNameLabel] === service.metadata.name,
  );
  const rows = own.flatMap((slice) => readyPods(cluster, slice, port));
  if (rows.length === 0) return [nobody("no endpoints", 1, "nothing is behind it")];
  const protocol = servicePortProtocol(port);
  const isHttp = protocol === "" || /^(http|grpc)/.test(protocol);
  return rows.map(({ pod, port: at }): Landing => {
    const snapshot = view.snapshotOf({ cluster: cluster.cluster, pod });
    return {
      group: versionOf(pod),
      cluster: cluster.cluster,
      share: 1 / rows.length,
      path: "direct",
      isMutual: false,
      admission:
        snapshot === undefined
          ? { access: "yes" }
          : admit(snapshot, { port: at, isHttp, identity: undefined }),
    };
  });
}

function readyPods(
  { pods }: ClusterView,
  { endpoints, ports, metadata }: EndpointSlice,
  { name = "" }: ServicePort,
): readonly { readonly pod: Pod; readonly port: number }[] {
  const port = ports?.find((one) => (one.name ?? "") === name)?.port;
  if (port === undefined) return [];
  return (endpoints ?? []).flatMap(({ targetRef, conditions }) => {
    const key = `${targetRef?.namespace ?? metadata.namespace}/${targetRef?.name}`;
    const pod = conditions?.ready === false ? undefined : pods.find((one) => objectKey(one) === key);
    return pod === undefined ? [] : [{ pod, port }];
  });
}
