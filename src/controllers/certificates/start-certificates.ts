import type { Stop } from "../../base/index.ts";
import { kinds, objectKey } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { runReconciler } from "../core/controller.ts";
import { certificates, clusterIssuers, type Issuer, issuers } from "./certificate-kinds.ts";
import { reconcileCertificate } from "./reconcile-certificate.ts";

/** Keeps a Secret with a valid certificate for every Certificate. `home` is the controller's own namespace. */
export function startCertificates(cluster: Cluster, home: string): Stop {
  const store = cluster.store(certificates);
  const secrets = cluster.store(kinds.secrets);
  const ofNamespaces = cluster.store(issuers);
  const ofCluster = cluster.store(clusterIssuers);
  return runReconciler(cluster, {
    name: "certificates",
    needs: [store, secrets, ofNamespaces, ofCluster],
    wire(queue) {
      const addUsersOf = ({ kind, metadata }: Pick<Issuer, "kind" | "metadata">) => {
        for (const certificate of store.list(metadata.namespace)) {
          const { name, kind: named = "Issuer" } = certificate.spec.issuerRef;
          if (name === metadata.name && named === kind) queue.add(objectKey(certificate));
        }
      };
      const addSharersOf = (secretName: string, namespace: string | undefined) => {
        for (const certificate of store.list(namespace))
          if (certificate.spec.secretName === secretName) queue.add(objectKey(certificate));
      };
      const addUsersOfKeyPair = (secretName: string, namespace: string | undefined) => {
        for (const issuer of [...ofNamespaces.list(), ...ofCluster.list()])
          if (issuer.spec.ca?.secretName === secretName && (issuer.metadata.namespace ?? home) === namespace)
            addUsersOf(issuer);
      };
      store.subscribe((change) => {
        queue.add(objectKey(change.object));
        // Whoever waits for a Secret that this one had.
        const had = change.type === "modified" ? change.previous : change.object;
        if (change.type !== "added") addSharersOf(had.spec.secretName, had.metadata.namespace);
      });
      secrets.subscribe(({ object: { metadata } }) => {
        addSharersOf(metadata.name, metadata.namespace);
        addUsersOfKeyPair(metadata.name, metadata.namespace);
      });
      for (const issuersOfOneKind of [ofNamespaces, ofCluster])
        issuersOfOneKind.subscribe(({ object }) => addUsersOf(object));
    },
    reconcile: (key) => reconcileCertificate(cluster, home, key),
  });
}
