import type { Filter } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { HttpFilter } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { authorizationFor } from "./authorization.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { requestAuthenticationFor } from "./request-authentication.ts";
import type { Rules } from "./rules.ts";

/** The filters that find out who asks and whether they may. */
export interface AccessFilters {
  readonly http: readonly HttpFilter[];
  readonly network: readonly Filter[];
}

/** What a proxy checks of its callers. Tokens are read first, since policies may ask for what they say. */
export function accessFiltersFor(rules: Rules, proxy: ProxyNode): AccessFilters {
  const { http, network } = authorizationFor(rules, proxy);
  return { http: [...requestAuthenticationFor(rules, proxy), ...http], network };
}
