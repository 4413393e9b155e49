import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Listener } from "../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { type Principal, PrincipalSchema, type RBAC } from "../../../xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { RBACSchema as HttpRbacSchema } from "../../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { HttpConnectionManagerSchema } from "../../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";

/**
 * Makes a listener's rules about callers' addresses (direct_remote_ip) look at the address that the PROXY header tells
 * (source_ip): the peer itself is a unix socket and fits none. Changes the listener in place.
 */
export function followSources(listener: Listener): void {
  const { filterChains, defaultFilterChain } = listener;
  for (const { filters } of defaultFilterChain === undefined
    ? filterChains
    : [...filterChains, defaultFilterChain]) {
    for (const filter of filters) {
      if (filter.configType.case !== "typedConfig") continue;
      const config = filter.configType.value;
      filter.configType.value =
        changed(config, NetworkRbacSchema, followRules) ??
        changed(config, HttpConnectionManagerSchema, ({ httpFilters }) => {
          let any = false;
          for (const httpFilter of httpFilters) {
            if (httpFilter.configType.case !== "typedConfig") continue;
            const next = changed(httpFilter.configType.value, HttpRbacSchema, followRules);
            if (next === undefined) continue;
            httpFilter.configType.value = next;
            any = true;
          }
          return any;
        }) ??
        config;
    }
  }
}

/** What is packed, after `change` said that it changed it; undefined when it did not, or it is something else. */
function changed<D extends DescMessage>(
  config: Any,
  schema: D,
  change: (message: MessageShape<D>) => boolean,
): Any | undefined {
  const message = anyUnpack(config, schema);
  return message !== undefined && change(message) ? anyPack(schema, message) : undefined;
}

interface Rules {
  readonly rules?: RBAC | undefined;
  readonly shadowRules?: RBAC | undefined;
}

function followRules({ rules, shadowRules }: Rules): boolean {
  let any = false;
  for (const rbac of [rules, shadowRules]) {
    for (const { principals } of Object.values(rbac?.policies ?? {})) {
      for (const principal of principals) any = followPrincipal(principal) || any;
    }
  }
  return any;
}

function followPrincipal(principal: Principal): boolean {
  const { identifier } = principal;
  switch (identifier.case) {
    case "directRemoteIp":
      principal.identifier = create(PrincipalSchema, {
        identifier: { case: "sourceIp", value: identifier.value },
      }).identifier;
      return true;
    case "andIds":
    case "orIds":
      return identifier.value.ids.map(followPrincipal).includes(true);
    case "notId":
      return followPrincipal(identifier.value);
    default:
      return false;
  }
}
