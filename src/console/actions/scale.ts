import { IsthmusError } from "../../base/index.ts";
import { type Kind, type KubeObject, kinds } from "../../kube/index.ts";
import type { Action } from "../api.ts";
import type { Reader } from "../reader.ts";
import type { Prepared } from "./contracts.ts";

const scalable: Readonly<Record<string, Kind>> = {
  Deployment: kinds.deployments,
  StatefulSet: kinds.statefulSets,
};
const mostReplicas = 1000;

/** Runs more or fewer pods of a workload. */
export async function scale(
  reader: Reader,
  { workload, replicas }: Extract<Action, { readonly kind: "scale" }>,
): Promise<Prepared> {
  const { cluster, namespace, name } = workload;
  const kind = Object.hasOwn(scalable, workload.kind) ? scalable[workload.kind] : undefined;
  const client = (await reader.state()).clusters.find((one) => one.name === cluster)?.client;
  if (kind === undefined || !Number.isInteger(replicas) || replicas < 0 || replicas > mostReplicas)
    throw new IsthmusError(
      "arguments/wrong",
      `Deployments and StatefulSets run from 0 to ${mostReplicas} pods`,
    );
  const before = await client?.get<KubeObject>(kind, name, namespace);
  if (client === undefined || before === undefined)
    throw new IsthmusError(
      "workload/not-found",
      `${cluster} has no ${workload.kind} ${name} in ${namespace}`,
    );
  return {
    summary: `${name} in ${namespace} of ${cluster} runs ${replicas === 1 ? "1 pod" : `${replicas} pods`}`,
    commands: [
      `kubectl --context ${cluster} -n ${namespace} scale ${workload.kind.toLowerCase()}/${name} --replicas=${replicas}`,
    ],
    changes: [
      {
        cluster,
        client,
        kind,
        before,
        after: { ...before, spec: { ...(before["spec"] as object), replicas } },
        write: () =>
          client.patch(
            kind,
            name,
            { spec: { replicas } },
            { type: "merge", namespace, subresource: "scale" },
          ),
      },
    ],
  };
}
