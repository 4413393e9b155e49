import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RouteAction_HashPolicySchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { ConsistentHash, Destination } from "./config-types.ts";
import { durationOf, optional } from "./proto.ts";
import type { Scope } from "./scope.ts";

type HashPolicy = MessageInitShape<typeof RouteAction_HashPolicySchema>;

/** The hash that a destination's DestinationRule asks for: its subset's, its port's, else its general one. */
export function consistentHash(
  scope: Scope,
  { host, subset, port }: Destination,
): ConsistentHash | undefined {
  const service = scope.service(host);
  const rule = scope.destinationRule(service ?? { host, namespace: scope.namespace });
  if (rule === undefined) return undefined;
  const level = (policy: typeof rule.trafficPolicy) =>
    policy?.portLevelSettings?.find((settings) => settings.port?.number === port?.number)?.loadBalancer
      ?.consistentHash;
  const chosen = rule.subsets.find(({ name }) => name === subset)?.trafficPolicy;
  return (
    level(chosen) ??
    chosen?.loadBalancer?.consistentHash ??
    level(rule.trafficPolicy) ??
    rule.trafficPolicy?.loadBalancer?.consistentHash
  );
}

/** What requests are hashed by. */
export function hashPolicy(hash: ConsistentHash | undefined): HashPolicy | undefined {
  if (hash?.httpHeaderName !== undefined)
    return { policySpecifier: { case: "header", value: { headerName: hash.httpHeaderName } } };
  if (hash?.httpCookie !== undefined) {
    const { name = "", path = "", ttl, attributes = [] } = hash.httpCookie;
    return {
      policySpecifier: {
        case: "cookie",
        value: {
          name,
          path,
          ...optional("ttl", durationOf(ttl)),
          attributes: attributes.map((attribute) => ({ name: attribute.name, value: attribute.value ?? "" })),
        },
      },
    };
  }
  if (hash?.useSourceIp !== undefined) {
    return { policySpecifier: { case: "connectionProperties", value: { sourceIp: hash.useSourceIp } } };
  }
  if (hash?.httpQueryParameterName !== undefined) {
    return { policySpecifier: { case: "queryParameter", value: { name: hash.httpQueryParameterName } } };
  }
  return undefined;
}
