import type { KubeObject } from "../../kube/index.ts";
import type { Find } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { isNeeded, type NetworkGateway, networkGateways } from "./network-gateways.ts";

interface GatewaySpec {
  readonly selector?: Readonly<Record<string, string>>;
  readonly servers?: readonly {
    readonly port?: { readonly number?: number };
    readonly tls?: { readonly mode?: string };
  }[];
}

/**
 * A gateway between networks that no Gateway object makes listen: endpoints behind it are handed out all the same, since
 * they come from the labelled Service, and requests to them fail.
 */
export const checkExposure: Find = (mesh) =>
  networkGateways(mesh)
    .filter((gateway) => isNeeded(gateway, mesh))
    .flatMap((gateway) => {
      const { cluster, service, network, port } = gateway;
      const config = mesh.clusters.find(({ name }) => name === cluster.primary);
      if (config === undefined || config.gateways.some((one) => exposes(one, gateway))) return [];
      const { name, namespace } = service.metadata;
      return [
        {
          code: "network/not-exposed",
          severity: "error",
          cluster: config.name,
          objects: [reference(cluster, service)],
          effect: `requests to services in ${network} (${cluster.name}) from other networks fail for the share that crosses`,
          cause: `no Gateway in ${config.name} with tls.mode AUTO_PASSTHROUGH selects ${namespace}/${name} on port ${port}`,
          evidence: [
            `kubectl --context ${config.name} get gateways.networking.istio.io -A  →  ${names(config.gateways)}`,
            `the rows of ${name}:${port} stay in other networks' endpoints: they come from the labelled Service`,
          ],
          fix: `apply a Gateway that exposes it (isthmus compile writes it; isthmus up puts it back)`,
        },
      ];
    });

function exposes({ spec }: KubeObject, { service, port }: NetworkGateway): boolean {
  const { selector = {}, servers = [] } = spec as GatewaySpec;
  const labels = service.spec.selector ?? {};
  if (!Object.entries(selector).every(([label, value]) => labels[label] === value)) return false;
  return servers.some((server) => server.tls?.mode === "AUTO_PASSTHROUGH" && server.port?.number === port);
}

function names(gateways: readonly KubeObject[]): string {
  return gateways.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(", ") || "none";
}
