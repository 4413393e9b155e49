import type { Compiled, CompiledItem } from "../compile/index.ts";
import { systemNamespace } from "../kube/index.ts";
import { accountTokenSecret, agentToken } from "./account-token.ts";
import { readerTokenSecret } from "./remote-kubeconfig.ts";

/** Tokens for others: with which a control plane elsewhere reads the cluster, and agents call its manager. */
export function neededByOthers(cluster: string, { clusters }: Compiled): readonly ObjectItem[] {
  return [...readerTokens(cluster, clusters), ...agentTokens(cluster, clusters)];
}

type ObjectItem = Extract<CompiledItem, { kind: "object" }>;

function agentTokens(management: string, clusters: Compiled["clusters"]): readonly ObjectItem[] {
  return [...clusters].flatMap(([agentOf, items]) =>
    items.flatMap((item): readonly ObjectItem[] =>
      item.kind === "generated-secret" &&
      item.source.kind === "relay-credential" &&
      item.source.management === management
        ? [
            {
              kind: "object",
              wave: "credentials",
              object: accountTokenSecret(agentToken(agentOf)),
              from: item.from,
            },
          ]
        : [],
    ),
  );
}

function readerTokens(cluster: string, clusters: Compiled["clusters"]): readonly ObjectItem[] {
  const namespaces = new Map<string, string>();
  for (const item of [...clusters.values()].flat()) {
    if (item.kind !== "generated-secret" || item.source.kind !== "remote-credential") continue;
    // A token that ends is asked for, and kept nowhere but in the Secret of who uses it.
    if (item.source.cluster === cluster && item.source.lifetime === undefined)
      namespaces.set(item.object.metadata.namespace ?? systemNamespace, item.from);
  }
  return [...namespaces].map(([namespace, from]) => ({
    kind: "object",
    wave: "credentials",
    object: readerTokenSecret(namespace),
    from,
  }));
}
