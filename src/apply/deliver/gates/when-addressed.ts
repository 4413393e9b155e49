import { IsthmusError, waitFor } from "../../../base/index.ts";
import type { KubeObject, Service } from "../../../kube/index.ts";
import type { WaitOptions } from "../apply-options.ts";
import type { Applying } from "../applying.ts";
import { whyNoAddress } from "./why-no-address.ts";

/** Waits until a Service of type LoadBalancer has an address. Rejects with gateway/no-address and what its events say. */
export async function whenAddressed(
  { client, name: cluster, services }: Pick<Applying, "client" | "name" | "services">,
  { metadata }: KubeObject,
  { signal, addressTimeout, waiting }: WaitOptions,
): Promise<void> {
  const { name, namespace = "default" } = metadata;
  const probe = () => isAddressed(services.get(name, namespace));
  if (probe() === true) return;
  waiting(cluster, `an address for Service ${namespace}/${name}`);
  const timeout = AbortSignal.timeout(addressTimeout);
  try {
    await waitFor(probe, { signal: AbortSignal.any([signal, timeout]), changes: services.changes });
  } catch (reason) {
    if (signal.aborted || !timeout.aborted) throw reason;
    const why = await whyNoAddress(client, name, namespace);
    throw new IsthmusError(
      "gateway/no-address",
      `${cluster}: Service ${namespace}/${name} got no address within ${Math.round(addressTimeout / 1000)} s: ${why}`,
      {
        nextStep: `kubectl --context ${cluster} -n ${namespace} describe service ${name} shows more; annotations for the cloud go to gateways or loadBalancer in the mesh file.`,
      },
    );
  } finally {
    waiting(cluster, undefined);
  }
}

function isAddressed(service: Service | undefined): true | undefined {
  const [ingress] = service?.status?.loadBalancer?.ingress ?? [];
  return (ingress?.ip ?? ingress?.hostname) === undefined ? undefined : true;
}
