import type { Deployment } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { controlPlaneAddresses } from "../istiod/control-plane-address.ts";
import { reference } from "../object-reference.ts";
import { kubectl } from "../text.ts";

/** What the API server says when it gets no answer from a webhook; after the URL, why. */
const webhookCall = /failed calling webhook "[^"]*": .*?(?:Post "[^"]*": )?([^"]*)$/s;
/** Port of istiod's webhooks, as its Service and the gateways before it have it. */
const webhookPort = 15017;
const dialled = /dial tcp (\S+?): (?:connect: )?(.+)$/s;

/** Deployments whose pods the API server does not take, mostly because the injection webhook can't be reached. */
export const checkRefusedPods: Find = ({ clusters }) =>
  clusters.flatMap((cluster) =>
    cluster.deployments.flatMap((deployment): Finding[] => {
      const refusal = deployment.status?.conditions?.find(
        ({ type, status }) => type === "ReplicaFailure" && status === "True",
      );
      return refusal === undefined
        ? []
        : [finding(cluster, deployment, refusal.message ?? refusal.reason ?? "")];
    }),
  );

function finding(view: ClusterView, deployment: Deployment, message: string): Finding {
  const { name: cluster, primary } = view;
  const { name, namespace = "default" } = deployment.metadata;
  const missing = (deployment.spec.replicas ?? 1) - (deployment.status?.readyReplicas ?? 0);
  return {
    code: "workload/pods-refused",
    severity: "error",
    cluster,
    objects: [reference(view, deployment)],
    effect: `${namespace}/${name} of ${cluster} lacks ${missing} of ${deployment.spec.replicas ?? 1} pods`,
    cause: causeOf(message, view),
    evidence: [kubectl(cluster, `-n ${namespace} describe deployment ${name}`, `ReplicaFailure: ${message}`)],
    fix: webhookCall.test(message)
      ? `make the address answer: istiod of ${primary} and, for another cluster's, the gateway before it (ports 15012 and 15017)`
      : `see kubectl --context ${cluster} -n ${namespace} get events`,
  };
}

function causeOf(message: string, cluster: ClusterView): string {
  const call = webhookCall.exec(message);
  if (call === null) return `the API server of ${cluster.name} refuses its pods: ${message}`;
  const [, dialledAddress, dialFailure] = dialled.exec(message) ?? [];
  const known = controlPlaneAddresses(cluster)[0];
  const address = dialledAddress ?? (known === undefined ? undefined : `${known}:${webhookPort}`);
  const why = dialFailure ?? call[1] ?? "";
  return `the API server of ${cluster.name} cannot reach istiod${address === undefined ? "" : ` at ${address}`} to inject the sidecar (${why.trim()})`;
}
