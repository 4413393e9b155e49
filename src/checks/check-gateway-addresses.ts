import type { Check } from "./contracts.ts";
import { isNeeded, networkGateways } from "./network-gateways.ts";

/** A gateway between networks without an address: until it has one, Istio hands out the addresses of the pods behind it. */
export const checkGatewayAddresses: Check = (mesh) =>
  networkGateways(mesh)
    .filter((gateway) => isNeeded(gateway, mesh))
    .filter(
      ({ service }) =>
        service.spec.type === "LoadBalancer" && (service.status?.loadBalancer?.ingress ?? []).length === 0,
    )
    .map(({ cluster, service: { metadata, spec }, network }) => ({
      code: "network/gateway-without-address",
      severity: "error",
      effect: `requests from other networks to services in ${network} (${cluster.name}) go to the pods' own addresses and time out`,
      cause: `the gateway ${metadata.namespace}/${metadata.name} of ${cluster.name} has no address (waiting)`,
      evidence: [
        `kubectl --context ${cluster.name} -n ${metadata.namespace} get service ${metadata.name}  →  EXTERNAL-IP <pending>`,
        ...(spec.loadBalancerClass === undefined
          ? []
          : [`its loadBalancerClass is ${spec.loadBalancerClass}`]),
      ],
      fix: `wait for the load balancer, or look at kubectl --context ${cluster.name} -n ${metadata.namespace} describe service ${metadata.name}`,
    }));
