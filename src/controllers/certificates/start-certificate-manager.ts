import type { Clock, Logger, Stop } from "../../base/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import { createCluster } from "../core/cluster.ts";
import { runAsLeader } from "../core/leader-election.ts";
import { clusterIssuers, issuers } from "./certificate-kinds.ts";
import { startCertificates } from "./start-certificates.ts";
import { startIssuers } from "./start-issuers.ts";

/**
 * What cert-manager's controller does: Issuers and ClusterIssuers (selfSigned, ca, acme) and the Secrets of Certificates,
 * renewed in time. Certificates of ACME issuers come from an authority of its own: it contacts nobody. The
 * CertificateRequests, Orders and Challenges by which cert-manager goes about it are not made.
 */
export function startCertificateManager(options: {
  readonly cluster: string;
  /** With the rights of cert-manager's service account. */
  readonly client: KubeClient;
  /** Where the Secrets of ClusterIssuers are. */
  readonly namespace: string;
  /** Of several replicas the one that holds this Lease works. */
  readonly lease: { readonly namespace: string; readonly name: string; readonly identity: string };
  readonly clock: Clock;
  readonly log: Logger;
}): Stop {
  const { cluster: name, client, namespace, clock, log, lease } = options;
  const stopped = new AbortController();
  const stop = runAsLeader({ client, clock, log, signal: stopped.signal }, lease, () => {
    const abort = new AbortController();
    const cluster = createCluster({ name, client, clock, log, signal: abort.signal });
    const stops = [
      startIssuers(cluster, namespace, issuers),
      startIssuers(cluster, namespace, clusterIssuers),
      startCertificates(cluster, namespace),
    ];
    return async () => {
      abort.abort();
      await Promise.all(stops.map((stop) => stop()));
      await cluster.events.idle();
    };
  });
  return async () => {
    stopped.abort();
    await stop();
  };
}
