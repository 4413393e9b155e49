import type { Stop } from "../../base/index.ts";
import { type Kind, kinds, objectKey } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition, withMessage } from "../core/conditions.ts";
import { enqueueChanges, runReconciler } from "../core/controller.ts";
import { splitKey } from "../core/keys.ts";
import type { Issuer } from "./certificate-kinds.ts";
import { issuerState } from "./signer.ts";

/** Keeps the condition Ready of all Issuers, or all ClusterIssuers. */
export function startIssuers(cluster: Cluster, home: string, kind: Kind<Issuer>): Stop {
  const store = cluster.store(kind);
  const secrets = cluster.store(kinds.secrets);
  return runReconciler(cluster, {
    name: kind.plural,
    needs: [store, secrets],
    wire(queue) {
      enqueueChanges(store, queue, objectKey);
      secrets.subscribe(({ object: { metadata } }) => {
        for (const issuer of store.list()) {
          const { namespace = home } = issuer.metadata;
          if (issuer.spec.ca?.secretName === metadata.name && namespace === metadata.namespace)
            queue.add(objectKey(issuer));
        }
      });
    },
    async reconcile(key) {
      const { name, namespace } = splitKey(key);
      const issuer = store.get(name, namespace === "" ? undefined : namespace);
      if (issuer === undefined || issuer.metadata.deletionTimestamp !== undefined) return undefined;
      const { ready } = issuerState(cluster, home, issuer);
      const { generation = 1 } = issuer.metadata;
      const before = issuer.status?.conditions ?? [];
      const conditions = withMessage(before, {
        type: "Ready",
        ...ready,
        lastTransitionTime: cluster.timestamp(),
        observedGeneration: generation,
      });
      if (conditions === before) return undefined;
      const { status, reason = "", message = "" } = findCondition(conditions, "Ready") ?? ready;
      await cluster.replace(kind, { ...issuer, status: { ...issuer.status, conditions } }, "status");
      const type = status === "True" ? "Normal" : "Warning";
      if (message !== "")
        cluster.events.record(`cert-manager-${kind.plural}`, issuer, { type, reason, message });
      return undefined;
    },
  });
}
