import { IsthmusError, waitFor } from "../../base/index.ts";
import type { AddressReference } from "../../compile/index.ts";
import type { WaitOptions } from "./apply-options.ts";
import { whyNoAddress } from "./gates/why-no-address.ts";
import { blocked, failureOf, type Others } from "./others.ts";

/**
 * The external address of a Service in another cluster, for `waiter`; "" when there is no such cluster. Rejects with
 * gateway/no-address when none comes in time, apply/blocked when that cluster fails first; `purpose` says what it is for.
 */
export async function addressOf(
  reference: AddressReference,
  waiter: string,
  others: Others,
  options: WaitOptions,
  purpose = "to reach its control plane",
): Promise<string> {
  const { cluster, namespace, service } = reference;
  const what = `the address of Service ${namespace}/${service} in ${cluster}`;
  const other = others.applying.get(cluster);
  const failure = failureOf(cluster, others);
  if (other === undefined) {
    if (failure === undefined) return "";
    throw blocked(waiter, what, cluster, failure);
  }
  const { services, failed } = other;
  const probe = () => {
    const ingress = services.get(service, namespace)?.status?.loadBalancer?.ingress?.[0];
    return ingress?.ip ?? ingress?.hostname;
  };
  const present = probe();
  if (present !== undefined) return present;
  if (failure !== undefined) throw blocked(waiter, what, cluster, failure);
  options.waiting(waiter, what);
  const timeout = AbortSignal.timeout(options.addressTimeout);
  try {
    return await waitFor(probe, {
      signal: AbortSignal.any([options.signal, timeout, failed]),
      changes: services.changes,
    });
  } catch (reason) {
    if (options.signal.aborted) throw reason;
    if (failed.aborted) throw blocked(waiter, what, cluster, failed.reason);
    if (!timeout.aborted) throw reason;
    const seconds = Math.round(options.addressTimeout / 1000);
    const why = await whyNoAddress(other.client, service, namespace);
    throw new IsthmusError(
      "gateway/no-address",
      `Service ${namespace}/${service} in ${cluster} got no address within ${seconds} s${why === "" ? "" : ` (${why})`}; ${waiter} needs it ${purpose}`,
      {
        nextStep: `Look at kubectl --context ${cluster} -n ${namespace} describe service ${service}.`,
      },
    );
  } finally {
    options.waiting(waiter, undefined);
  }
}
