import { type Clock, type Logger, pause } from "../../base/index.ts";
import { isApiError, type KubeClient, type KubeObject, kinds } from "../../kube/index.ts";

export interface LeadershipOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Who wants to lead: the pod's name. */
  readonly identity: string;
  /** Runs while this one leads; its signal aborts when the lease is lost or given up. */
  lead(signal: AbortSignal): void;
  /** Told whenever the API answered about the Lease, whoever leads. */
  heard?(): void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly renewTime?: string;
    readonly acquireTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** Kubernetes' own values for its controllers, in milliseconds. */
const leaseDuration = 15_000;
const renewEvery = 5_000;
const retryEvery = 2_000;

/**
 * Leads whenever nobody else holds the Lease, until the signal aborts; then the Lease is given back, so that the next
 * one need not wait. One that can't renew its Lease stops before another could take it. Resolves when it is given back.
 */
export async function holdLeadership(options: LeadershipOptions): Promise<void> {
  const { client, namespace, name, identity, clock, log, signal } = options;
  let leading: AbortController | undefined;
  let renewedAt = 0;
  /** Whether somebody's renewal was seen to change, and when: other clocks are not compared with ours. */
  let seen = { renewTime: "", at: 0 };

  const take = async (): Promise<boolean> => {
    const now = clock.now();
    const present = (await client.get(kinds.leases, name, namespace)) as Lease | undefined;
    const { holderIdentity = "", renewTime = "", leaseDurationSeconds = 15 } = present?.spec ?? {};
    if (renewTime !== seen.renewTime) seen = { renewTime, at: now };
    const isOurs = holderIdentity === identity;
    if (holderIdentity !== "" && !isOurs && now - seen.at < leaseDurationSeconds * 1000) return false;
    const time = new Date(now).toISOString().replace("Z", "000Z");
    const lease: Lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { ...present?.metadata, name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: leaseDuration / 1000,
        acquireTime: isOurs ? (present?.spec?.acquireTime ?? time) : time,
        renewTime: time,
        leaseTransitions: (present?.spec?.leaseTransitions ?? 0) + (isOurs || present === undefined ? 0 : 1),
      },
    };
    // With the version that was read: of two at the same time only one succeeds.
    if (present === undefined) await client.create(kinds.leases, lease);
    else await client.replace(kinds.leases, lease);
    renewedAt = now;
    return true;
  };

  const stopLeading = (why: string) => {
    if (leading === undefined) return;
    log.info({ identity, why }, "no longer leading");
    leading.abort(new Error(why));
    leading = undefined;
  };

  const run = async () => {
    while (!signal.aborted) {
      let isHolder = false;
      try {
        isHolder = await take();
        options.heard?.();
      } catch (reason) {
        if (isApiError(reason, 409)) options.heard?.();
        else log.debug({ reason: String(reason) }, "the lease can't be taken now");
        // Not renewed is not lost yet.
        isHolder = leading !== undefined && clock.now() - renewedAt < leaseDuration - renewEvery;
      }
      if (!isHolder) stopLeading("another one leads, or the lease could not be renewed");
      else if (leading === undefined) {
        leading = new AbortController();
        log.info({ identity }, "leading");
        options.lead(AbortSignal.any([leading.signal, signal]));
      }
      await pause(clock, isHolder ? renewEvery : retryEvery, signal);
    }
    if (leading !== undefined) {
      stopLeading("the manager ends");
      await client
        .patch(kinds.leases, name, { spec: { holderIdentity: "" } }, { type: "merge", namespace })
        .catch(() => {}); // It runs out by itself.
    }
  };
  await run().catch((reason: unknown) =>
    log.error({ reason: String(reason) }, "leadership is no longer sought"),
  );
}
