import { isIP } from "node:net";
import { isSubsetOf } from "../../translate/names.ts";
import type { ConfigField } from "../config-field.ts";
import { checkWeightedDestinations } from "../parts/destinations.ts";
import { checkGatewayNames } from "../parts/gateway-names.ts";
import { gatewayNameProblem, quoted, wildcardNameProblem } from "../parts/hosts.ts";
import { checkLabels } from "../parts/labels.ts";
import { checkPort, checkSubnet } from "../parts/values.ts";

/** One of a VirtualService's tls routes; `hosts` are the service's. */
export function checkTlsRoute(route: ConfigField, hosts: readonly string[], isForGateways: boolean): void {
  const matches = route.field("match").items;
  if (matches.length === 0) route.field("match").error("TLS route must have at least one match condition");
  for (const match of matches) {
    const names = match.field("sniHosts").items;
    if (names.length === 0) match.field("sniHosts").error("TLS match must have at least one SNI host");
    for (const name of names) checkSniHost(name, hosts, isForGateways);
    checkL4Match(match);
  }
  if (route.field("route").items.length === 0) route.field("route").error("TLS route is required");
  checkWeightedDestinations(route.field("route"));
}

/** One of a VirtualService's tcp routes. */
export function checkTcpRoute(route: ConfigField): void {
  for (const match of route.field("match").items) checkL4Match(match);
  if (route.field("route").items.length === 0) route.field("route").error("TCP route is required");
  checkWeightedDestinations(route.field("route"));
}

function checkSniHost(name: ConfigField, hosts: readonly string[], isForGateways: boolean): void {
  const problem = isForGateways ? gatewayNameProblem(name.text) : wildcardNameProblem(name.text);
  if (problem !== undefined && isIP(name.text) !== 0)
    name.warn(
      `using an IP address (${quoted(name.text)}) goes against SNI spec and most clients do not support this`,
    );
  else if (problem !== undefined) name.error(problem);
  else if (!hosts.some((host) => isSubsetOf(name.text, host)))
    name.error(
      `SNI host ${quoted(name.text)} is not a compatible subset of any of the virtual service hosts: [${hosts.join(", ")}]`,
    );
}

function checkL4Match(match: ConfigField): void {
  for (const subnet of match.field("destinationSubnets").items) checkSubnet(subnet);
  if (match.field("port").number !== 0) checkPort(match.field("port"));
  checkLabels(match.field("sourceLabels"));
  checkGatewayNames(match.field("gateways"));
}
