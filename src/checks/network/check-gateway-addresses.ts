import type { Find } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { isNeeded, networkGateways } from "./network-gateways.ts";

/** A gateway between networks without an address: until it has one, nothing behind it is reached from other networks. */
export const checkGatewayAddresses: Find = (mesh) =>
  networkGateways(mesh)
    .filter((gateway) => isNeeded(gateway, mesh))
    .filter(
      ({ service }) =>
        service.spec.type === "LoadBalancer" && (service.status?.loadBalancer?.ingress ?? []).length === 0,
    )
    .map(({ cluster, service, network }) => {
      const { metadata, spec } = service;
      return {
        code: "network/gateway-without-address" as const,
        severity: "error" as const,
        cluster: cluster.name,
        objects: [reference(cluster, service)],
        effect: `requests from other networks to services in ${network} (${cluster.name}) reach none of its pods: they are left out until then (upstream istiod gives out their own addresses, and requests time out)`,
        cause: `the gateway ${metadata.namespace}/${metadata.name} of ${cluster.name} has no address (waiting)`,
        evidence: [
          `kubectl --context ${cluster.name} -n ${metadata.namespace} get service ${metadata.name}  →  EXTERNAL-IP <pending>`,
          ...(spec.loadBalancerClass === undefined
            ? []
            : [`its loadBalancerClass is ${spec.loadBalancerClass}`]),
        ],
        fix: `wait for the load balancer, or look at kubectl --context ${cluster.name} -n ${metadata.namespace} describe service ${metadata.name}`,
      };
    });
