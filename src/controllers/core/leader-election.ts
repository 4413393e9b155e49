import type { Stop } from "../../base/index.ts";
import { isApiError, type Kind, type KubeObject, kinds } from "../../kube/index.ts";
import type { Cluster } from "./cluster.ts";

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

const leases: Kind<Lease> = kinds.leases;

/** Seconds: how long a silent holder is believed, how often the holder says that it is there, and how often others ask. */
const leaseDuration = 15;
const renewPeriod = 5;
const retryPeriod = 2;

/**
 * Runs `start` while this process holds the Lease, so that of several replicas one works. A holder that comes back under
 * its own identity has it at once; one that stops gives it back; one that can't renew it in time stops what it started.
 */
export function runAsLeader(
  cluster: Pick<Cluster, "client" | "clock" | "log" | "signal">,
  lease: { readonly namespace: string; readonly name: string; readonly identity: string },
  start: () => Stop,
): Stop {
  const { namespace, name, identity } = lease;
  const { client, clock, log, signal } = cluster;
  let stopWork: Stop | undefined;
  let renewed = Number.NEGATIVE_INFINITY;
  let cancel = () => {};
  let asking: Promise<void> = Promise.resolve();

  const microTime = () => new Date(clock.now()).toISOString().replace("Z", "000Z");
  const take = async (): Promise<boolean> => {
    const present = await client.get(leases, name, namespace);
    const { holderIdentity = "", renewTime = "", leaseTransitions = 0, acquireTime } = present?.spec ?? {};
    const isOurs = holderIdentity === identity;
    const ends = Date.parse(renewTime) + leaseDuration * 1000;
    if (!isOurs && holderIdentity !== "" && ends > clock.now()) return false;
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: leaseDuration,
      acquireTime: isOurs && acquireTime !== undefined ? acquireTime : microTime(),
      renewTime: microTime(),
      leaseTransitions: isOurs || present === undefined ? leaseTransitions : leaseTransitions + 1,
    };
    if (present === undefined)
      await client.create(leases, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name, namespace },
        spec,
      });
    // With the version that was read: of two that ask at the same time one gets it.
    else await client.replace(leases, { ...present, spec });
    return true;
  };
  const ask = async () => {
    let isHeld = false;
    try {
      isHeld = await take();
      if (isHeld) renewed = clock.now();
    } catch (reason) {
      if (!isApiError(reason)) log.debug({ lease: name, reason: String(reason) }, "lease not renewed");
    }
    if (signal.aborted) return;
    if (isHeld) stopWork ??= start();
    else if (clock.now() - renewed > leaseDuration * 1000) {
      await stopWork?.();
      stopWork = undefined;
    }
    cancel = clock.after((isHeld ? renewPeriod : retryPeriod) * 1000, () => {
      asking = ask();
    });
  };
  asking = ask();
  return async () => {
    cancel();
    await asking;
    await stopWork?.();
    if (renewed === Number.NEGATIVE_INFINITY) return;
    const present = await client.get(leases, name, namespace).catch(() => undefined);
    if (present?.spec?.holderIdentity !== identity) return;
    await client
      .replace(leases, { ...present, spec: { ...present.spec, holderIdentity: "" } })
      .catch(() => {});
  };
}
