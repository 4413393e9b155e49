import type { JsonObject } from "@bufbuild/protobuf";
import { dumpSection, managedBy, object, objects, pathMatch, text, texts } from "./config-dump.ts";
import type { ConfigTable } from "./config-table.ts";

/** Domains of a virtual host that are shown; of the others only how many there are. */
const shownDomains = 2;

/** A proxy's routes, those named by a port first. Route configurations with `part` in their names only. */
export function routeTable(dump: unknown, part = ""): ConfigTable {
  const section = dumpSection(dump, "RoutesConfigDump");
  const configs = [...objects(section["dynamic_route_configs"]), ...objects(section["static_route_configs"])]
    .map((entry) => object(entry["route_config"]))
    .filter((config) => text(config["name"]).includes(part))
    .sort((a, b) => portOrder(a) - portOrder(b));
  return {
    header: ["NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"],
    rows: configs.flatMap((config) =>
      objects(config["virtual_hosts"]).flatMap((host) => hostRows(config, host)),
    ),
    resources: configs,
  };
}

function portOrder(config: JsonObject): number {
  const port = Number(text(config["name"]));
  return Number.isInteger(port) ? port : Number.MAX_SAFE_INTEGER;
}

function hostRows(config: JsonObject, host: JsonObject): string[][] {
  const first = [text(config["name"]), text(host["name"]), domainsOf(texts(host["domains"]))];
  const routes = objects(host["routes"]);
  if (routes.length === 0) return [[...first, "/*", "404"]];
  return routes
    .filter((route) => object(route["route"])["cluster"] !== "PassthroughCluster")
    .map((route) => [...first, pathMatch(object(route["match"])), managedBy(route)]);
}

/** The first domains without those that only add a port or a suffix of Kubernetes' to another one. */
function domainsOf(domains: readonly string[]): string {
  const [only] = domains;
  if (domains.length <= 1) return only ?? "";
  const withoutPort = domains.filter((domain) => !/:\d+$/.test(domain) || domain.endsWith("]"));
  const all = new Set(withoutPort);
  const isLonger = (domain: string, suffix: string) =>
    domain.endsWith(suffix) && all.has(domain.slice(0, -suffix.length));
  const short = withoutPort.filter(
    (domain) => !isLonger(domain, ".svc.cluster.local") && !isLonger(domain, ".svc"),
  );
  const more = short.length - shownDomains;
  const shown = short.slice(0, shownDomains).join(", ");
  return more > 0 ? `${shown} + ${more} more...` : shown;
}
