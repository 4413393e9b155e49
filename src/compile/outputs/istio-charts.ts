import { systemNamespace } from "../../kube/index.ts";
import { type Cluster, isRepository, type Mesh } from "../../mesh/index.ts";
import type { ChartReference, CompiledItem } from "../compiled.ts";
import { isPrimary, managementCluster, remotesOf, workloadClusters } from "../topology.ts";
import { tracingProviders } from "./tracing.ts";

/** Where Istio publishes its charts. */
const istioCharts = "https://istio-release.storage.googleapis.com/charts";

type Values = Readonly<Record<string, unknown>>;

/**
 * Istio's charts of a workload cluster: base (resource types, the account that remote credentials are made for)
 * and istiod, with profile `remote` where another cluster's control plane serves it.
 */
export function istioChartItems(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const { revision } = cluster.istio;
  const base: Values = isPrimary(cluster) ? {} : { profile: "remote" };
  const chart = (name: string, chartName: string, values: Values): CompiledItem => ({
    kind: "chart",
    wave: "control-plane",
    chart: {
      name,
      namespace: systemNamespace,
      ...placeOf(chartName, cluster),
      origin: "istio",
      values,
      from: isPrimary(cluster) ? `clusters.${cluster.name}` : `clusters.${cluster.name}.primary`,
    },
  });
  return [
    chart("istio-base", "base", base),
    chart(revision === undefined ? "istiod" : `istiod-${revision}`, "istiod", istiodValues(cluster, mesh)),
  ];
}

/** Where a chart of Istio's is: with its version in a repository, and as it is in a folder. */
function placeOf(
  chart: string,
  { istio: { version, charts = istioCharts } }: Cluster,
): Pick<ChartReference, "chart" | "repo" | "version"> {
  const place = charts.replace(/\/+$/, "");
  if (!isRepository(place)) return { chart: `${/^\.{0,2}\//.test(place) ? "" : "./"}${place}/${chart}` };
  return place.startsWith("oci://")
    ? { chart: `${place}/${chart}`, version }
    : { chart, repo: place, version };
}

/** Values of the istiod chart. What the mesh file passes through under `istio.values` has the last word. */
function istiodValues(cluster: Cluster, mesh: Mesh): Values {
  const { revision, values } = cluster.istio;
  const own = isPrimary(cluster) ? primaryValues(cluster, mesh) : remoteValues(cluster, mesh);
  return merge(revision === undefined ? own : { revision, ...own }, values);
}

function primaryValues(cluster: Cluster, mesh: Mesh): Values {
  const providers = tracingProviders(cluster, mesh);
  const meshConfig = withProviders(merge(meshConfigOf(cluster, mesh), cluster.istio.meshConfig), providers);
  return {
    global: {
      ...globalValues(cluster, mesh),
      ...(remotesOf(mesh, cluster).length > 0 ? { externalIstiod: true } : {}),
    },
    ...(Object.keys(meshConfig).length === 0 ? {} : { meshConfig }),
    // A span a proxy, gateways too; Istio 1.31 has the setting no more.
    ...(providers.length === 0 ? {} : { pilot: { env: { PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY: "false" } } }),
  };
}

function remoteValues(cluster: Cluster, mesh: Mesh): Values {
  const gateway = mesh.clusters.get(cluster.primary)?.gateways.eastwest;
  const net = cluster.network === undefined ? "" : `/net/${cluster.network}`;
  return {
    profile: "remote",
    istiodRemote: { injectionPath: `/inject/cluster/${cluster.name}${net}` },
    global: {
      ...globalValues(cluster, mesh),
      ...(gateway === undefined
        ? {}
        : { remotePilotAddress: `\${address:${cluster.primary}/${gateway.namespace}/${gateway.name}}` }),
    },
  };
}

function globalValues({ name, network }: Cluster, mesh: Mesh): Values {
  return {
    meshID: mesh.name,
    multiCluster: { clusterName: name },
    ...(network === undefined ? {} : { network }),
  };
}

/** MeshConfig that follows from other fields. */
function meshConfigOf(cluster: Cluster, mesh: Mesh): Values {
  const { domain } = cluster.trust;
  const domains = [...new Set(workloadClusters(mesh).map(({ trust }) => trust.domain))].sort();
  const aliases = domains.filter((other) => other !== domain);
  const proxyMetadata = {
    ...(mesh.discovery === "exports" ? { ISTIO_META_DNS_CAPTURE: "true" } : {}),
    ...(managementCluster(mesh) === undefined ? {} : { GLOO_MESH_CLUSTER_NAME: cluster.name }),
  };
  return {
    ...(domain === "cluster.local" && aliases.length === 0 ? {} : { trustDomain: domain }),
    ...(aliases.length === 0 ? {} : { trustDomainAliases: aliases }),
    ...(Object.keys(proxyMetadata).length === 0 ? {} : { defaultConfig: { proxyMetadata } }),
  };
}

/** `meshConfig` with `providers` beside those that the mesh file lists; of the same name, the mesh file's stays. */
function withProviders(meshConfig: Values, providers: readonly Values[]): Values {
  const written = meshConfig["extensionProviders"];
  const listed = (Array.isArray(written) ? written : []) as readonly Values[];
  const more = providers.filter(({ name }) => !listed.some((one) => one["name"] === name));
  return more.length === 0 ? meshConfig : { ...meshConfig, extensionProviders: [...listed, ...more] };
}

/** `over` laid on `base`, maps deeply. */
function merge(base: Values, over: Values): Values {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const present = base[name];
    merged[name] = isMap(present) && isMap(value) ? merge(present, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
