import { IsthmusError } from "../../base/index.ts";
import { getJson } from "../http-get.ts";
import { clusterTable } from "./clusters.ts";
import { dumpSection, object } from "./config-dump.ts";
import type { ConfigTable } from "./config-table.ts";
import { endpointRows } from "./endpoints.ts";
import { listenerTable } from "./listeners.ts";
import { routeTable } from "./routes.ts";
import { secretTable } from "./secrets.ts";

const tables: Readonly<Record<string, (dump: unknown, part?: string) => ConfigTable>> = {
  clusters: clusterTable,
  listeners: listenerTable,
  routes: routeTable,
  secrets: secretTable,
};

/** What can be asked of a proxy's configuration. */
export const proxyConfigKinds: readonly string[] = [...Object.keys(tables), "endpoints", "bootstrap"].sort();

/**
 * One kind of the configuration of the proxy whose admin interface is at `admin`: what it accepted, not what it was
 * sent. `part` limits it to names that hold it. The bootstrap has no rows.
 */
export async function readProxyConfig(admin: string, asked: string, part?: string): Promise<ConfigTable> {
  const kind = proxyConfigKinds.includes(`${asked}s`) ? `${asked}s` : asked;
  if (kind === "endpoints") return endpointTable(await getJson(`${admin}/clusters?format=json`), part);
  if (kind !== "bootstrap" && !Object.hasOwn(tables, kind)) {
    throw new IsthmusError("arguments/wrong", `a proxy's configuration has no "${kind}"`, {
      nextStep: `There are ${proxyConfigKinds.join(", ")}.`,
    });
  }
  const dump = await getJson(`${admin}/config_dump`);
  const table = tables[kind];
  if (table !== undefined) return table(dump, part);
  const { bootstrap } = dumpSection(dump, "BootstrapConfigDump");
  return { header: [], rows: [], resources: [object(bootstrap)] };
}

function endpointTable(dump: unknown, part = ""): ConfigTable {
  const rows = endpointRows(dump, { all: true }).filter(({ cluster }) => cluster.includes(part));
  return {
    header: ["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"],
    rows: rows.map(({ endpoint, status, outlierCheck, cluster }) => [
      endpoint,
      status,
      outlierCheck,
      cluster,
    ]),
    resources: rows.map((row) => ({ ...row })),
  };
}
