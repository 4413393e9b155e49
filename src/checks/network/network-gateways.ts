import type { Service } from "../../kube/index.ts";
import type { ClusterView, MeshView } from "../contracts.ts";
import { networkLabel } from "../view/labels.ts";

/** A Service through which pods of a network are reached from other networks. */
export interface NetworkGateway {
  readonly cluster: ClusterView;
  readonly service: Service;
  readonly network: string;
  /** The cross-network port: the label networking.istio.io/gatewayPort, else 15443. */
  readonly port: number;
}

/** Every Service that carries a network's label, as Istio finds gateways of networks. */
export function networkGateways({ clusters }: MeshView): NetworkGateway[] {
  return clusters.flatMap((cluster) =>
    cluster.services.flatMap((service) => {
      const network = service.metadata.labels?.[networkLabel];
      const port = Number(service.metadata.labels?.["networking.istio.io/gatewayPort"] ?? 15443);
      return network === undefined ? [] : [{ cluster, service, network, port }];
    }),
  );
}

/** Whether there are pods on other networks whose control plane hands out the endpoints behind the gateway. */
export function isNeeded(gateway: NetworkGateway, { clusters, unread }: MeshView): boolean {
  const all = [...clusters, ...unread];
  const behind = gateway.cluster.name;
  const isRead = (primary: string) =>
    primary === behind || all.some(({ name, reads }) => name === primary && reads.includes(behind));
  return all.some(
    ({ network, primary }) => network !== undefined && network !== gateway.network && isRead(primary),
  );
}
