import type { Cluster } from "./gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "./gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { Listener } from "./gen/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "./gen/envoy/config/route/v3/route_pb.js";
import type { Secret } from "./gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { NameTable } from "./gen/istio/networking/nds/v1/nds_pb.js";

/**
 * All resources for one proxy at one moment, by name. Never changed after it was made. Every EDS cluster
 * has an assignment (perhaps empty) and every RDS name that a listener uses has a route configuration.
 */
export interface Snapshot {
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly endpoints: ReadonlyMap<string, ClusterLoadAssignment>;
  readonly listeners: ReadonlyMap<string, Listener>;
  readonly routes: ReadonlyMap<string, RouteConfiguration>;
  /** Secrets that gateways name by credentialName ("kubernetes://…"). */
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly nameTable: NameTable;
}
