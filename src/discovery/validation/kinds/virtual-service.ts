import { isIP } from "node:net";
import { hostsOverlap } from "../../translate/names.ts";
import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import { checkExportTo } from "../parts/export-to.ts";
import { checkGatewayNames } from "../parts/gateway-names.ts";
import { isClaim } from "../parts/headers.ts";
import { gatewayNameProblem, wildcardNameProblem } from "../parts/hosts.ts";
import { checkHttpRoute } from "./http-route.ts";
import { checkTcpRoute, checkTlsRoute } from "./tcp-and-tls-routes.ts";
import { warnOfUnusedRules } from "./unused-rules.ts";

/** Checks a VirtualService. One without hosts is there for others to delegate to. */
export const checkVirtualService: KindCheck = ({ spec, namespace }) => {
  const hosts = spec.field("hosts").items;
  const gateways = spec.field("gateways").items;
  const isDelegate = hosts.length === 0;
  if (isDelegate) {
    if (gateways.length > 0)
      spec.field("gateways").error("delegate virtual service must have no gateways specified");
    for (const protocol of ["tls", "tcp"] as const) {
      if (spec.field(protocol).items.length > 0)
        spec.field(protocol).error(`delegate virtual service must have no ${protocol} route specified`);
    }
  }
  checkGatewayNames(spec.field("gateways"));
  const isForGateways = gateways.length > 0 && !gateways.some(({ text }) => text === "mesh");
  checkHosts(hosts, spec, isForGateways);
  const routes = ["http", "tls", "tcp"] as const;
  if (routes.every((protocol) => spec.field(protocol).items.length === 0))
    spec.error("http, tcp or tls must be provided in virtual service");
  for (const route of spec.field("http").items) {
    checkHttpRoute(route, isDelegate);
    if (!isForGateways) checkNoClaims(route);
  }
  const names = hosts.map(({ text }) => text);
  for (const route of spec.field("tls").items) checkTlsRoute(route, names, isForGateways);
  for (const route of spec.field("tcp").items) checkTcpRoute(route);
  checkExportTo(spec.field("exportTo"), namespace);
  for (const protocol of routes) warnOfUnusedRules(spec.field(protocol), protocol === "http");
};

function checkHosts(hosts: readonly ConfigField[], spec: ConfigField, isForGateways: boolean): void {
  const hasSni = spec
    .field("tls")
    .items.some((route) =>
      route.field("match").items.some((match) => match.field("sniHosts").items.length > 0),
    );
  const problemOf = isForGateways && hasSni ? gatewayNameProblem : wildcardNameProblem;
  const good = hosts.filter((host) => {
    const problem = isIP(host.text) === 0 ? problemOf(host.text) : undefined;
    if (problem !== undefined) host.error(problem);
    else if (host.text === "*" && !isForGateways)
      host.error("wildcard host * is not allowed for virtual services bound to the mesh gateway");
    else return true;
    return false;
  });
  if (good.length < hosts.length) return;
  for (const [i, host] of hosts.entries()) {
    const same = hosts.slice(0, i).find((earlier) => hostsOverlap(earlier.text, host.text));
    if (same !== undefined) host.error(`duplicate hosts in virtual service: ${same.text} & ${host.text}`);
  }
}

/** Sidecars have no claims of a token before they choose a route. */
function checkNoClaims(route: ConfigField): void {
  for (const match of route.field("match").items) {
    for (const side of ["headers", "withoutHeaders"] as const) {
      for (const [name, header] of match.field(side).entries) {
        if (isClaim(name))
          header.error(
            `JWT claim based routing (key: ${name}) is only supported for gateway, and this virtual service is for the mesh`,
          );
      }
    }
  }
}
