import type { AddressReference } from "../../apply/index.ts";
import { IsthmusError, waitFor } from "../../base/index.ts";
import type { ApplyTarget } from "./applying.ts";

/** What waiting for an address needs to know. */
export interface AddressOptions {
  readonly targets: ReadonlyMap<string, Pick<ApplyTarget, "services">>;
  /** How long to wait, in milliseconds. */
  readonly addressTimeout: number;
  readonly signal: AbortSignal;
  /** Told what is waited for; undefined when the wait is over. */
  waiting(cluster: string, what: string | undefined): void;
}

/**
 * The external address of a Service in another cluster, for `waiter`; "" when there is no such cluster. Rejects with
 * gateway/no-address when none comes in time; `purpose` says what it is for.
 */
export async function addressOf(
  reference: AddressReference,
  waiter: string,
  options: AddressOptions,
  purpose = "to reach its control plane",
): Promise<string> {
  const { cluster, namespace, service } = reference;
  const services = options.targets.get(cluster)?.services;
  const probe = () => {
    const ingress = services?.get(service, namespace)?.status?.loadBalancer?.ingress?.[0];
    return ingress?.ip ?? ingress?.hostname;
  };
  const present = probe();
  if (present !== undefined || services === undefined) return present ?? "";
  options.waiting(waiter, `the address of Service ${namespace}/${service} in ${cluster}`);
  const timeout = AbortSignal.timeout(options.addressTimeout);
  try {
    return await waitFor(probe, {
      signal: AbortSignal.any([options.signal, timeout]),
      changes: services.changes,
    });
  } catch (reason) {
    if (!timeout.aborted) throw reason;
    const seconds = Math.round(options.addressTimeout / 1000);
    throw new IsthmusError(
      "gateway/no-address",
      `Service ${namespace}/${service} in ${cluster} got no address within ${seconds} s; ${waiter} needs it ${purpose}`,
      {
        nextStep: `Look at kubectl --context ${cluster} -n ${namespace} describe service ${service}.`,
      },
    );
  } finally {
    options.waiting(waiter, undefined);
  }
}
