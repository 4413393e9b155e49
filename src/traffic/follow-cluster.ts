import { fromBinary } from "@bufbuild/protobuf";
import type { ProxySnapshot } from "../discovery/index.ts";
import { type Pod, workloadOf } from "../kube/index.ts";
import type { Cluster } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "../xds/gen/envoy/config/core/v3/base_pb.js";
import { HealthStatus } from "../xds/gen/envoy/config/core/v3/health_check_pb.js";
import type { LbEndpoint } from "../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import type { ClusterLoadAssignment } from "../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { UpstreamTlsContextSchema } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { proxyContainer } from "./mesh-pods.ts";
import type { MeshView, PlacedPod } from "./mesh-view.ts";
import { type Admission, admit } from "./read-admission.ts";

/** Where a part of a caller's requests ends. */
export interface Landing {
  /** "v1", or the workload's name; a host outside; what is wrong when nothing answers. */
  readonly group: string;
  /** "" outside the clusters. */
  readonly cluster: string;
  /** Share among the landings of one cluster of Envoy; they add up to 1. */
  readonly share: number;
  /** Whether an east-west gateway is between. */
  readonly path: "direct" | "gateway";
  readonly isMutual: boolean;
  readonly admission: Admission;
}

/** Hops over gateways before it counts as a circle. */
const mostHops = 4;

/** Where nothing answers. */
export const nobody = (group: string, share: number, reason: string): Landing => ({
  group,
  cluster: "",
  share,
  path: "direct",
  isMutual: false,
  admission: { access: "no", reason },
});

/** Follows connections that a proxy opens to one of its clusters until they end at workloads, over gateways where these are between. */
export function followCluster(
  view: MeshView,
  caller: PlacedPod,
  snapshot: ProxySnapshot,
  name: string,
  isHttp: boolean,
): readonly Landing[] {
  const cluster = snapshot.clusters.get(name);
  if (cluster === undefined)
    return [nobody(`no such destination`, 1, `${name} is not known to the caller's proxy`)];
  if (name === "BlackHoleCluster") return [nobody("refused", 1, "the caller's proxy lets nothing out there")];
  const rows = weighted(cluster, snapshot.endpoints.get(name) ?? cluster.loadAssignment);
  if (rows.length === 0) return [nobody("no endpoints", 1, "nothing is behind it")];
  const identity = view.identityOf(caller);
  return rows.flatMap(({ row, share }) =>
    land(view, { cluster, row, share, identity, isHttp, from: caller.cluster }, 0),
  );
}

interface Connection {
  readonly cluster: Cluster;
  readonly row: LbEndpoint;
  readonly share: number;
  readonly identity: string;
  readonly isHttp: boolean;
  /** Cluster that the connection leaves from. */
  readonly from: string;
}

function land(view: MeshView, connection: Connection, hops: number): readonly Landing[] {
  const { cluster, row, share } = connection;
  const { address, port } = addressOf(row);
  const sni = meshSni(socketFor(cluster, row));
  const gateways = view.behind(address);
  if (gateways.length > 0 && sni !== undefined && hops < mostHops)
    return overGateway(view, connection, sni, gateways, hops);
  const path = hops === 0 ? "direct" : "gateway";
  const home = clusterOf(row) || connection.from;
  const pod = view.podAt(home, address);
  if (pod === undefined) {
    const group = address === "" ? "elsewhere" : `${address}:${port}`;
    return [{ group, cluster: "", share, path, isMutual: sni !== undefined, admission: { access: "yes" } }];
  }
  const [near, far] = [view.networkOf(connection.from), view.networkOf(home)];
  if (near !== undefined && far !== undefined && near !== far)
    return [nobody("out of reach", share, `${home} is on the network ${far}, to which no gateway is known`)];
  const isMutual = sni !== undefined;
  return [
    {
      group: versionOf(pod),
      cluster: home,
      share,
      path,
      isMutual,
      admission: admissionAt(view, { cluster: home, pod }, connection, isMutual, port),
    },
  ];
}

/** The version that a pod says it is of, by the labels that telemetry goes by; its workload's name when it says none. */
export function versionOf(pod: Pod): string {
  const { labels = {} } = pod.metadata;
  const version =
    labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels["version"];
  return version === undefined || version === "latest" ? workloadOf(pod).name : version;
}

function admissionAt(
  view: MeshView,
  target: PlacedPod,
  { identity, isHttp }: Connection,
  isMutual: boolean,
  port: number,
): Admission {
  if (proxyContainer(target.pod) === undefined)
    return isMutual
      ? { access: "no", reason: `${target.pod.metadata.name} has no sidecar to end mTLS` }
      : { access: "yes" };
  const snapshot = view.snapshotOf(target);
  if (snapshot === undefined) return { access: "yes" };
  return admit(snapshot, { port, isHttp, identity: isMutual ? identity : undefined });
}

/** A gateway picks the cluster by SNI and leaves TLS shut: who calls stays who it is. */
function overGateway(
  view: MeshView,
  connection: Connection,
  sni: string,
  gateways: readonly PlacedPod[],
  hops: number,
): readonly Landing[] {
  const [gateway] = gateways;
  const snapshot = gateway === undefined ? undefined : view.snapshotOf(gateway);
  const passes = [...(snapshot?.listeners.values() ?? [])].some(({ filterChains }) =>
    filterChains.some(({ filterChainMatch }) => filterChainMatch?.serverNames.includes(sni)),
  );
  const next = snapshot?.clusters.get(sni);
  const where = gateway === undefined ? "the gateway" : `the gateway of ${gateway.cluster}`;
  if (gateway === undefined || snapshot === undefined || next === undefined || !passes)
    return [nobody("refused", connection.share, `${where} does not pass it on`)];
  const rows = weighted(next, snapshot.endpoints.get(sni) ?? next.loadAssignment);
  if (rows.length === 0) return [nobody("no endpoints", connection.share, `nothing is behind ${where}`)];
  return rows.flatMap(({ row, share }) =>
    // The client's TLS is what ends at the workload.
    land(
      view,
      { ...connection, row: withSocketOf(row), share: connection.share * share, from: gateway.cluster },
      hops + 1,
    ),
  );
}

/** A row whose TLS was opened before the gateway. */
function withSocketOf(row: LbEndpoint): LbEndpoint {
  return {
    ...row,
    metadata: {
      ...row.metadata,
      filterMetadata: { ...row.metadata?.filterMetadata, [matchKey]: { tlsMode: "istio" } },
    },
  } as LbEndpoint;
}

/** Endpoints that get requests while all is well: of the first priority that has healthy ones, with their shares. */
function weighted(
  cluster: Cluster,
  assignment: ClusterLoadAssignment | undefined,
): readonly { readonly row: LbEndpoint; readonly share: number }[] {
  const byLocality = cluster.commonLbConfig?.localityConfigSpecifier.case === "localityWeightedLbConfig";
  const groups = (assignment?.endpoints ?? []).map((group) => ({
    priority: group.priority,
    localityWeight: group.loadBalancingWeight ?? 0,
    rows: group.lbEndpoints.filter(
      ({ healthStatus }) => healthStatus === HealthStatus.UNKNOWN || healthStatus === HealthStatus.HEALTHY,
    ),
  }));
  const alive = groups.filter(({ rows }) => rows.length > 0);
  const first = Math.min(...alive.map(({ priority }) => priority));
  const chosen = alive
    .filter(({ priority }) => priority === first)
    .flatMap(({ rows, localityWeight }) => {
      const own = rows.reduce((sum, row) => sum + weightOf(row), 0);
      return rows.map((row) => ({
        row,
        weight: byLocality ? (localityWeight * weightOf(row)) / own : weightOf(row),
      }));
    });
  const total = chosen.reduce((sum, { weight }) => sum + weight, 0);
  return total === 0 ? [] : chosen.map(({ row, weight }) => ({ row, share: weight / total }));
}

const weightOf = ({ loadBalancingWeight }: LbEndpoint) => loadBalancingWeight ?? 1;

function addressOf({ hostIdentifier }: LbEndpoint): { readonly address: string; readonly port: number } {
  const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
  if (address?.case !== "socketAddress") return { address: "", port: 0 };
  const { portSpecifier } = address.value;
  return {
    address: address.value.address,
    port: portSpecifier.case === "portValue" ? portSpecifier.value : 0,
  };
}

const matchKey = "envoy.transport_socket_match";

/** Cluster of the workload, as discovery notes it beside each endpoint: "workload;namespace;service;revision;cluster". */
function clusterOf({ metadata }: LbEndpoint): string {
  const workload = metadata?.filterMetadata["istio"]?.["workload"];
  return typeof workload === "string" ? (workload.split(";")[4] ?? "") : "";
}

function socketFor(
  { transportSocket, transportSocketMatches }: Cluster,
  row: LbEndpoint,
): TransportSocket | undefined {
  const labels = row.metadata?.filterMetadata[matchKey] ?? {};
  const match = transportSocketMatches.find(({ match: wanted }) =>
    Object.entries(wanted ?? {}).every(([name, value]) => labels[name] === value),
  );
  return match?.transportSocket ?? transportSocket;
}

/** SNI of the mesh's own TLS; undefined for plaintext and for TLS of other kinds. */
function meshSni(socket: TransportSocket | undefined): string | undefined {
  const config = socket?.configType;
  if (
    config?.case !== "typedConfig" ||
    config.value.typeUrl !== `type.googleapis.com/${UpstreamTlsContextSchema.typeName}`
  )
    return undefined;
  const { sni, commonTlsContext } = fromBinary(UpstreamTlsContextSchema, config.value.value);
  const isOwn = commonTlsContext?.tlsCertificateSdsSecretConfigs.some(({ name }) => name === "default");
  return isOwn === true ? sni : undefined;
}
