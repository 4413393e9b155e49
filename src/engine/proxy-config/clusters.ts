import type { JsonObject } from "@bufbuild/protobuf";
import { dumpSection, managedBy, object, objects, text } from "./config-dump.ts";
import type { ConfigTable } from "./config-table.ts";

/** A proxy's clusters, by the name of their service. Names with `part` in them only. */
export function clusterTable(dump: unknown, part = ""): ConfigTable {
  const section = dumpSection(dump, "ClustersConfigDump");
  const clusters = [...objects(section["dynamic_active_clusters"]), ...objects(section["static_clusters"])]
    .map((entry) => object(entry["cluster"]))
    .filter((cluster) => text(cluster["name"]).includes(part))
    .map((cluster) => ({ cluster, key: readName(text(cluster["name"])) }))
    .sort(
      (a, b) =>
        compare(a.key.host, b.key.host) ||
        compare(a.key.subset, b.key.subset) ||
        a.key.port - b.key.port ||
        compare(a.key.direction, b.key.direction),
    );
  return {
    header: ["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"],
    rows: clusters.map(({ cluster, key }) => [
      key.host,
      key.isService ? String(key.port) : "-",
      key.subset || "-",
      key.direction || "-",
      typeOf(cluster),
      managedBy(cluster),
    ]),
    resources: clusters.map(({ cluster }) => cluster),
  };
}

/** "outbound|5000|v1|helloworld.sample.svc.cluster.local" taken apart; other names are the host. */
function readName(name: string) {
  const [direction = "", port = "", subset = "", host] = name.split("|");
  return host === undefined
    ? { isService: false, direction: "", port: 0, subset: "", host: name }
    : { isService: true, direction, port: Number(port), subset, host };
}

function typeOf(cluster: JsonObject): string {
  const custom = text(object(cluster["cluster_type"])["name"]);
  return custom || text(cluster["type"]) || "STATIC";
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
