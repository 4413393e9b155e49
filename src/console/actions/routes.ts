import { IsthmusError } from "../../base/index.ts";
import type { DestinationRule, VirtualService } from "../../discovery/index.ts";
import { type KubeClient, type KubeObject, kinds } from "../../kube/index.ts";
import type { SourceState } from "../contracts.ts";
import type { Reader } from "../reader.ts";

/** A control plane, and what its objects say of one service's requests. */
export interface RoutedIn {
  readonly cluster: string;
  readonly client: KubeClient;
  readonly virtualService: VirtualService | undefined;
  readonly destinationRule: DestinationRule | undefined;
}

export interface ServiceName {
  readonly namespace: string;
  readonly service: string;
}

/** The full name of a Service. */
export function hostOf({ service, namespace }: ServiceName): string {
  return `${service}.${namespace}.svc.cluster.local`;
}

/**
 * The rules over requests to a service, in every control plane: Istio reads them in the cluster that it runs in, so
 * what is to hold in the whole mesh is written into each of them. Rejects while one does not answer.
 */
export async function readRoutes(reader: Reader, name: ServiceName): Promise<readonly RoutedIn[]> {
  const state = await reader.state();
  return Promise.all(
    primaries(state).map(async ({ name: cluster, client }) => {
      const [virtualServices, destinationRules] = await Promise.all([
        client.list(kinds.virtualServices),
        client.list(kinds.destinationRules),
      ]);
      return {
        cluster,
        client,
        virtualService: (virtualServices.items as readonly VirtualService[]).find((one) =>
          rulesOver(one, name),
        ),
        destinationRule: (destinationRules.items as readonly DestinationRule[]).find(({ spec, metadata }) =>
          isHost(spec.host ?? "", metadata.namespace, name),
        ),
      };
    }),
  );
}

function primaries({ clusters }: SourceState) {
  const found = clusters.filter(({ name, primary, role }) => name === primary && role === "workload");
  const away = found.find(({ state }) => state === "stopped" || state === "failed");
  if (away !== undefined)
    throw new IsthmusError("cluster/unreachable", `the control plane of ${away.name} is away`, {
      nextStep: "Its rules would differ from those of the others: start it first.",
    });
  return found;
}

/** Whether a VirtualService routes requests within the mesh to the service. */
function rulesOver({ metadata, spec }: VirtualService, name: ServiceName): boolean {
  const { hosts = [], gateways = ["mesh"] } = spec;
  return gateways.includes("mesh") && hosts.some((host) => isHost(host, metadata.namespace, name));
}

function isHost(host: string, namespace: string | undefined, name: ServiceName): boolean {
  const [first = "", place = namespace] = host.split(".");
  return (
    host === hostOf(name) ||
    (first === name.service && place === name.namespace && host.split(".").length < 3)
  );
}

/** The rule of a VirtualService that takes what no other one does: the first without a match, or the last. */
export function defaultRule({ spec }: VirtualService): number {
  const rules = spec.http ?? [];
  const found = rules.findIndex(({ match = [] }) => match.length === 0);
  return found >= 0 ? found : rules.length - 1;
}

/** A new object of Istio's beside the service that it is about. */
export function newObject(
  kind: "VirtualService" | "DestinationRule",
  name: ServiceName,
  spec: unknown,
): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name: name.service, namespace: name.namespace },
    spec,
  };
}
