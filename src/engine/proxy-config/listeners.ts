import type { JsonObject } from "@bufbuild/protobuf";
import { dumpSection, object, objects, pathMatch, text, texts } from "./config-dump.ts";
import type { ConfigTable } from "./config-table.ts";

/** A proxy's listeners, a row for each filter chain: what it matches and where it leads. Names with `part` in them only. */
export function listenerTable(dump: unknown, part = ""): ConfigTable {
  const section = dumpSection(dump, "ListenersConfigDump");
  const listeners = [
    ...objects(section["dynamic_listeners"]).map((entry) =>
      object(object(entry["active_state"])["listener"]),
    ),
    ...objects(section["static_listeners"]).map((entry) => object(entry["listener"])),
  ]
    .filter((listener) => listener["address"] !== undefined && text(listener["name"]).includes(part))
    .sort((a, b) => portOf(a) - portOf(b) || (addressOf(a) < addressOf(b) ? -1 : 1));
  return {
    header: ["ADDRESSES", "PORT", "MATCH", "DESTINATION"],
    rows: listeners.flatMap((listener) => {
      const more = objects(listener["additional_addresses"]).map(addressOf);
      const place = [[addressOf(listener), ...more].join(","), String(portOf(listener))];
      return chainsOf(listener)
        .map((chain) => [matchOf(object(chain["filter_chain_match"])), destinationOf(chain)] as const)
        .sort(([, a], [, b]) => (a > b ? -1 : a < b ? 1 : 0))
        .map((cells) => [...place, ...cells]);
    }),
    resources: listeners,
  };
}

function chainsOf(listener: JsonObject): JsonObject[] {
  const otherwise = listener["default_filter_chain"];
  return [...objects(listener["filter_chains"]), ...(otherwise === undefined ? [] : [object(otherwise)])];
}

function addressOf(holder: JsonObject): string {
  const address = object(holder["address"]);
  return text(object(address["socket_address"])["address"]) || text(object(address["pipe"])["path"]);
}

function portOf(listener: JsonObject): number {
  return Number(object(object(listener["address"])["socket_address"])["port_value"] ?? 0);
}

/** Well-known sets of protocols by the words that istioctl has for them. */
const protocolSets: Readonly<Record<string, string>> = {
  "http/1.0,http/1.1,h2c,istio-http/1.0,istio-http/1.1,istio-h2": "HTTP TLS",
  "istio,istio-http/1.0,istio-http/1.1,istio-h2": "Istio HTTP Plain",
  "istio-peer-exchange,istio": "TCP TLS",
  "http/1.0,http/1.1,h2c": "HTTP",
};

function matchOf(match: JsonObject): string {
  const names = texts(match["server_names"]).join(",");
  const transport = text(match["transport_protocol"]);
  const protocols = texts(match["application_protocols"]).join(",");
  const port = text(match["destination_port"]);
  const ranges = objects(match["prefix_ranges"]).map(
    (range) => `${text(range["address_prefix"])}/${text(range["prefix_len"]) || 0}`,
  );
  const parts = [
    names === "" ? "" : `SNI: ${names}`,
    transport === "" ? "" : `Trans: ${transport}`,
    protocols === "" ? "" : `App: ${protocolSets[protocols] ?? protocols}`,
    ranges.length === 0 && port === ""
      ? ""
      : `Addr: ${ranges.join(",") || "*"}${port === "" ? "" : `:${port}`}`,
  ].filter((part) => part !== "");
  return parts.join("; ") || "ALL";
}

function destinationOf(chain: JsonObject): string {
  for (const filter of objects(chain["filters"])) {
    const config = object(filter["typed_config"]);
    const type = text(config["@type"]).split(".").at(-1);
    if (type === "HttpConnectionManager") {
      const inline = config["route_config"];
      const name = text(object(config["rds"])["route_config_name"]);
      return inline !== undefined ? inlineRoute(object(inline)) : name === "" ? "HTTP" : `Route: ${name}`;
    }
    const cluster = text(config["cluster"]);
    // What goes nowhere is no TCP service.
    if (type === "TcpProxy" && cluster !== "BlackHoleCluster") return clusterWord(cluster);
  }
  return "Non-HTTP/Non-TCP";
}

function clusterWord(cluster: string): string {
  return cluster.includes("Cluster") ? cluster : `Cluster: ${cluster}`;
}

/** The cluster of a configuration that leads everything to one; the paths and clusters of any other. */
function inlineRoute(config: JsonObject): string {
  const hosts = objects(config["virtual_hosts"]);
  const routes = hosts.flatMap((host) => objects(host["routes"]));
  const [only] = routes;
  const cluster = text(object(only?.["route"])["cluster"]);
  const isAll = texts(hosts[0]?.["domains"]).join() === "*" && object(only?.["match"])["prefix"] === "/";
  if (hosts.length === 1 && routes.length === 1 && isAll && cluster !== "") return clusterWord(cluster);
  const words = hosts.map((host) => {
    const domains = texts(host["domains"]).join("/");
    const paths = objects(host["routes"]).map((route) => pathMatch(object(route["match"])));
    return `${domains === "*" ? "" : `${domains} `}${paths.join(", ")}`;
  });
  return `Inline Route: ${words.join("; ")}`;
}
