import { IsthmusError } from "../../base/index.ts";
import { fromAnnotation, type Kind, kinds, managedBy } from "../../kube/index.ts";
import { yamlOf } from "../actions/object-yaml.ts";
import type { ConfigObject, ConfigPage, ConfigRow } from "../api.ts";
import type { Reader } from "../reader.ts";

/** Kinds of configuration, none of which holds a secret. */
export const configKinds: readonly Kind[] = [
  kinds.virtualServices,
  kinds.destinationRules,
  kinds.gateways,
  kinds.serviceEntries,
  kinds.workloadEntries,
  kinds.sidecars,
  kinds.peerAuthentications,
  kinds.requestAuthentications,
  kinds.authorizationPolicies,
  kinds.telemetries,
  kinds.envoyFilters,
  kinds.wasmPlugins,
];
const managedLabel = "app.kubernetes.io/managed-by";

/** Istio's objects of all clusters, with who wrote them and what is wrong with them. */
export async function configPage(reader: Reader): Promise<ConfigPage> {
  const state = await reader.state();
  const findings = await reader.findings();
  const rows: ConfigRow[] = [];
  const away: ConfigPage["away"][number][] = [];
  for (const { name: cluster, primary } of state.clusters) {
    const lists = await Promise.all(
      configKinds.map(async (kind) => ({ kind, ...(await reader.list(cluster, kind)) })),
    );
    const [first] = lists;
    if (first?.away !== undefined)
      away.push({ cluster, since: first.away.since ?? 0, reason: first.away.reason });
    for (const { kind, items } of lists)
      for (const { metadata } of items) {
        const { name, namespace = "default", labels = {}, annotations = {} } = metadata;
        const own = findings.filter(({ objects }) =>
          objects.some(
            (one) =>
              one.cluster === cluster &&
              one.kind === kind.kind &&
              one.name === name &&
              one.namespace === namespace,
          ),
        );
        const from = annotations[fromAnnotation];
        rows.push({
          cluster,
          kind: kind.kind,
          namespace,
          name,
          isGenerated: labels[managedLabel] === managedBy,
          ...(from === undefined ? {} : { from }),
          // Istio reads its objects where the control plane is.
          isRead: primary === cluster,
          errors: own.filter(({ severity }) => severity === "error").length,
          warnings: own.filter(({ severity }) => severity === "warning").length,
          ...(metadata.creationTimestamp === undefined
            ? {}
            : { createdAt: Date.parse(metadata.creationTimestamp) }),
        });
      }
  }
  return { objects: rows, away };
}

/** One of those objects as YAML. */
export async function configObject(
  reader: Reader,
  _: URLSearchParams,
  names: Readonly<Record<string, string>>,
): Promise<ConfigObject> {
  const { cluster = "", kind: wanted = "", namespace = "", name = "" } = names;
  const kind = configKinds.find((one) => one.kind === wanted);
  const { items, away } =
    kind === undefined ? { items: [], away: undefined } : await reader.list(cluster, kind);
  const found = items.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  if (found === undefined)
    throw new IsthmusError("workload/not-found", `${cluster} has no ${wanted} ${name} in ${namespace}`);
  const findings = (await reader.findings()).filter(({ objects }) =>
    objects.some(
      (one) =>
        one.cluster === cluster && one.kind === wanted && one.name === name && one.namespace === namespace,
    ),
  );
  return { yaml: yamlOf(found), findings, isAway: away !== undefined };
}
