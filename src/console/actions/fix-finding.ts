import { IsthmusError, unreachable } from "../../base/index.ts";
import { type RemediedObjects, type Remedy, remedyCommand } from "../../checks/index.ts";
import { isApiError, type Kind, type KubeClient, type KubeObject, kinds } from "../../kube/index.ts";
import type { Action } from "../api.ts";
import { findingId } from "../finding-id.ts";
import type { Reader } from "../reader.ts";
import type { Change, Prepared } from "./contracts.ts";

const kindsByName: Readonly<Record<RemediedObjects["kind"], Kind>> = {
  Namespace: kinds.namespaces,
  Service: kinds.services,
  Pod: kinds.pods,
  Secret: kinds.secrets,
  Deployment: kinds.deployments,
};

/** Does what a finding's fix says. */
export async function fixFinding(
  reader: Reader,
  { finding: id }: Extract<Action, { readonly kind: "fix" }>,
): Promise<Prepared> {
  const finding = (await reader.findings()).find((one) => findingId(one) === id);
  if (finding === undefined) throw changed("this is not found any more");
  const { remedies = [], effect } = finding;
  if (remedies.length === 0)
    throw new IsthmusError(
      "arguments/wrong",
      "this fix leaves something to choose, so nobody else can do it",
      {
        nextStep: finding.fix,
      },
    );
  const changes: Change[] = [];
  const starts: string[] = [];
  for (const remedy of remedies)
    if (remedy.kind === "start") starts.push(remedy.cluster);
    else changes.push(...(await changesOf(reader, remedy)));
  return {
    summary: `Mends this: ${effect}`,
    commands: remedies.map(remedyCommand),
    changes,
    run: async (signal) => {
      for (const cluster of starts) await reader.source.setCluster(cluster, "running", signal);
    },
  };
}

async function changesOf(
  reader: Reader,
  remedy: Exclude<Remedy, { readonly kind: "start" }>,
): Promise<Change[]> {
  const { cluster, objects } = remedy;
  const client = (await reader.state()).clusters.find(({ name }) => name === cluster)?.client;
  if (client === undefined) throw changed(`there is no cluster ${cluster}`);
  const kind = kindsByName[objects.kind];
  return Promise.all(
    objects.names.map(async (name): Promise<Change> => {
      const before = await client.get<KubeObject>(kind, name, objects.namespace);
      if (before === undefined) throw changed(`${cluster} has no ${objects.kind} ${name}`);
      return { cluster, client, kind, before, ...changeOf(remedy, { client, kind, before }) };
    }),
  );
}

function changeOf(
  remedy: Exclude<Remedy, { readonly kind: "start" }>,
  { client, kind, before }: { readonly client: KubeClient; readonly kind: Kind; readonly before: KubeObject },
): Pick<Change, "after" | "write"> {
  const { name, namespace, uid, labels } = before.metadata;
  const place = namespace === undefined ? {} : { namespace };
  switch (remedy.kind) {
    case "label": {
      const added = { [remedy.label]: remedy.value };
      return {
        after: { ...before, metadata: { ...before.metadata, labels: { ...labels, ...added } } },
        write: () => client.patch(kind, name, { metadata: { labels: added } }, { type: "merge", ...place }),
      };
    }
    case "scale": {
      const spec = { replicas: remedy.replicas };
      return {
        after: { ...before, spec: { ...(before["spec"] as object), ...spec } },
        write: () => client.patch(kind, name, { spec }, { type: "merge", ...place, subresource: "scale" }),
      };
    }
    case "delete":
      return {
        // Another of the same name is not the one that was found.
        write: () =>
          client
            .delete(kind, name, { ...place, ...(uid === undefined ? {} : { preconditions: { uid } }) })
            .catch((reason: unknown) => {
              if (!isApiError(reason, 404)) throw reason;
            }),
      };
    default:
      return unreachable(remedy);
  }
}

function changed(message: string): IsthmusError {
  return new IsthmusError("console/changed", message, {
    nextStep: "Look at what the checks find now.",
  });
}
