import { createSignal, type Logger, type Signal } from "../base/index.ts";
import {
  type Deployment,
  type Informer,
  type KubeClient,
  kinds,
  matchesLabelSelector,
  type Pod,
  type Service,
  startInformer,
} from "../kube/index.ts";
import { isReady } from "./workload-reference.ts";

/** What the engine itself looks at in a cluster, by watches. */
export interface ClusterWatch {
  readonly pods: Informer<Pod>;
  readonly services: Informer<Service>;
  readonly deployments: Informer<Deployment>;
  readonly changes: Signal;
  /** Workloads that are not yet as wanted, in words; empty when everything runs. */
  waiting(): readonly string[];
  readonly podCount: { readonly ready: number; readonly total: number };
}

/** Watches the workloads of one cluster. `hasNoStandIn` tells images that can't run here: nobody waits for those. */
export function watchCluster(
  client: KubeClient,
  options: { readonly signal: AbortSignal; readonly log: Logger; hasNoStandIn(image: string): boolean },
): ClusterWatch {
  const { signal, log } = options;
  const pods = startInformer(client, kinds.pods, { signal, log });
  const services = startInformer(client, kinds.services, { signal, log });
  const deployments = startInformer(client, kinds.deployments, { signal, log });
  const changes = createSignal();
  for (const informer of [pods, services, deployments])
    informer.changes.subscribe(() => changes.notify(), signal);
  const canRun = (containers: readonly { readonly image?: string }[]) =>
    !containers.some(({ image }) => image !== undefined && options.hasNoStandIn(image));
  return {
    pods,
    services,
    deployments,
    changes,
    waiting: () =>
      deployments
        .list()
        .map((deployment) => ({ ...deployment, ready: readyPods(deployment, pods).length }))
        .filter(
          (deployment) =>
            canRun(deployment.spec.template.spec.containers) &&
            (!isAvailable(deployment) || deployment.ready < (deployment.spec.replicas ?? 1)),
        )
        .map(({ metadata, status, spec, ready }) => {
          const pod = pods
            .list(metadata.namespace)
            .find((one) => one.metadata.name.startsWith(`${metadata.name}-`) && !isReady(one));
          const why = pod === undefined ? refusalOf(status) : podTrouble(pod);
          return `${metadata.namespace}/${metadata.name} (${ready} of ${spec.replicas ?? 1} ready${why === "" ? "" : `: ${why}`})`;
        }),
    get podCount() {
      const all = pods
        .list()
        .filter(({ metadata, spec }) => metadata.deletionTimestamp === undefined && canRun(spec.containers));
      return { ready: all.filter(isReady).length, total: all.length };
    },
  };
}

/** Counted by the pods themselves: after a start with kept objects a Deployment's status is for a while that of the last run. */
function readyPods({ metadata, spec }: Deployment, pods: Informer<Pod>): readonly Pod[] {
  return pods
    .list(metadata.namespace)
    .filter((pod) => isReady(pod) && matchesLabelSelector(spec.selector, pod.metadata.labels));
}

function isAvailable({ metadata, spec, status }: Deployment): boolean {
  const wanted = spec.replicas ?? 1;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 1)) return false;
  return (
    (status?.updatedReplicas ?? 0) >= wanted &&
    (status?.availableReplicas ?? 0) >= wanted &&
    (status?.replicas ?? 0) === wanted
  );
}

function refusalOf(status: Deployment["status"]): string {
  return (
    status?.conditions?.find(({ type, status: value }) => type === "ReplicaFailure" && value === "True")
      ?.message ?? ""
  );
}

function podTrouble({ metadata, status }: Pod): string {
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return `${metadata.name} is not scheduled: ${scheduled.message ?? ""}`;
  const container = status?.containerStatuses?.find(({ ready }) => !ready);
  const waiting = container?.state?.waiting;
  if (
    waiting?.reason !== undefined &&
    waiting.reason !== "PodInitializing" &&
    waiting.reason !== "ContainerCreating"
  ) {
    return `${container?.name}: ${waiting.reason}${waiting.message === undefined ? "" : `, ${waiting.message}`}`;
  }
  return container === undefined ? "" : `${container.name} is not ready yet`;
}
