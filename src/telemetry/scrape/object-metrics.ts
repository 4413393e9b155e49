import { formatMetricsPage, type MetricRows } from "../../base/index.ts";
import type { Deployment, KubeObject, Pod } from "../../kube/index.ts";

/** Objects of a cluster whose state is told as metrics. */
export interface StateObjects {
  readonly deployments: readonly Deployment[];
  readonly pods: readonly Pod[];
  readonly autoscalers: readonly KubeObject[];
}

/** What objects say of their own state, in the words of kube-state-metrics, as a page of metrics. */
export function objectMetrics({ deployments, pods, autoscalers }: StateObjects): string {
  return formatMetricsPage([
    ...deploymentFamilies(deployments),
    gauge(
      "kube_pod_info",
      "Information about pod.",
      pods.map(({ metadata, spec, status }) => [
        {
          ...named("pod", metadata),
          node: spec.nodeName ?? "",
          pod_ip: status?.podIP ?? "",
          created_by_kind: metadata.ownerReferences?.[0]?.kind ?? "<none>",
          created_by_name: metadata.ownerReferences?.[0]?.name ?? "<none>",
        },
        1,
      ]),
    ),
    gauge(
      "kube_pod_status_phase",
      "The pods current phase.",
      pods.flatMap(({ metadata, status }) =>
        phases.map(
          (phase) => [{ ...named("pod", metadata), phase }, Number(status?.phase === phase)] as const,
        ),
      ),
    ),
    ...autoscalerFamilies(autoscalers),
  ]);
}

const phases = ["Pending", "Succeeded", "Failed", "Unknown", "Running"];

type Row = MetricRows["rows"][number];

function gauge(name: string, help: string, rows: readonly Row[]): MetricRows {
  return { name, help, type: "gauge", rows };
}

function named(
  kind: string,
  { namespace = "default", name }: KubeObject["metadata"],
): Record<string, string> {
  return { namespace, [kind]: name };
}

function deploymentFamilies(deployments: readonly Deployment[]): MetricRows[] {
  const family = (name: string, help: string, value: (deployment: Deployment) => number | undefined) =>
    gauge(
      `kube_deployment_${name}`,
      help,
      deployments.map((deployment) => [named("deployment", deployment.metadata), value(deployment) ?? 0]),
    );
  return [
    family("spec_replicas", "Number of desired pods for a deployment.", ({ spec }) => spec.replicas ?? 1),
    family("status_replicas", "The number of replicas per deployment.", ({ status }) => status?.replicas),
    family(
      "status_replicas_ready",
      "The number of ready replicas per deployment.",
      ({ status }) => status?.readyReplicas,
    ),
    family(
      "status_replicas_available",
      "The number of available replicas per deployment.",
      ({ status }) => status?.availableReplicas,
    ),
    family(
      "status_replicas_unavailable",
      "The number of unavailable replicas per deployment.",
      ({ status }) => status?.unavailableReplicas,
    ),
    family(
      "status_replicas_updated",
      "The number of updated replicas per deployment.",
      ({ status }) => status?.updatedReplicas,
    ),
  ];
}

function autoscalerFamilies(autoscalers: readonly KubeObject[]): MetricRows[] {
  const family = (name: string, help: string, part: "spec" | "status", field: string) =>
    gauge(
      `kube_horizontalpodautoscaler_${name}`,
      help,
      autoscalers.flatMap((autoscaler): Row[] => {
        const value = (autoscaler[part] as Readonly<Record<string, unknown>> | undefined)?.[field];
        return typeof value === "number"
          ? [[named("horizontalpodautoscaler", autoscaler.metadata), value]]
          : [];
      }),
    );
  return [
    family("spec_min_replicas", "Lower limit for the number of pods.", "spec", "minReplicas"),
    family("spec_max_replicas", "Upper limit for the number of pods.", "spec", "maxReplicas"),
    family("status_current_replicas", "Current number of replicas.", "status", "currentReplicas"),
    family("status_desired_replicas", "Desired number of replicas.", "status", "desiredReplicas"),
  ];
}
