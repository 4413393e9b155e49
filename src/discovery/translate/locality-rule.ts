import { networkLabel } from "../../kube/index.ts";
import type { LoadBalancer, LocalityLbSetting } from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { optional } from "./proto.ts";
import type { MeshService } from "./services.ts";

/** How a service's requests are kept near. */
export interface LocalityRule {
  readonly setting: LocalityLbSetting;
  /** Farther places take over without outlier detection, too. */
  readonly isForced: boolean;
  /**
   * Zones of the own region are left to the proxy, which knows how many of its kind are in each; only labels and
   * regions rank. When it is off, the proxy is kept from looking at zones by itself.
   */
  readonly zoneAware?: { readonly isOn: boolean; readonly minClusterSize?: number };
}

const near = [networkLabel, "topology.kubernetes.io/region", "topology.kubernetes.io/zone"];
const nearest = [...near, "topology.istio.io/subzone", "kubernetes.io/hostname"];

/**
 * The locality rules that hold for a service: the DestinationRule's, else what the Service's
 * trafficDistribution asks for (which needs no outlier detection), else the mesh's. Undefined when switched off.
 */
export function effectiveLocality(
  mesh: MeshConfig,
  balancer: LoadBalancer | undefined,
  service: Pick<MeshService, "trafficDistribution">,
): LocalityRule | undefined {
  const zones = balancer?.zoneAwareLbSetting;
  if (zones !== undefined) {
    const isOn = zones.enabled !== false;
    return {
      setting: {
        ...optional("failover", zones.failover),
        ...optional("failoverPriority", zones.failoverPriority),
      },
      isForced: isOn,
      zoneAware: { isOn, ...optional("minClusterSize", zones.minClusterSize ?? undefined) },
    };
  }
  const own = balancer?.localityLbSetting;
  if (own !== undefined) return own.enabled === false ? undefined : { setting: own, isForced: false };
  if (service.trafficDistribution !== undefined) {
    return {
      setting: { failoverPriority: service.trafficDistribution === "node" ? nearest : near },
      isForced: true,
    };
  }
  return mesh.localityLbSetting.enabled === false
    ? undefined
    : { setting: mesh.localityLbSetting, isForced: false };
}
