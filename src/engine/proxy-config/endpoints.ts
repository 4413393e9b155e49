/** One row of `istioctl proxy-config endpoints`. */
export interface EndpointRow {
  /** "10.244.1.9:5000", or "unix:///path" of a socket. */
  readonly endpoint: string;
  readonly status: string;
  readonly outlierCheck: "OK" | "FAILED";
  readonly cluster: string;
  readonly locality: string;
  readonly priority: number;
  readonly weight: number;
}

type HostAddress = {
  readonly socket_address?: { readonly address?: string; readonly port_value?: number };
  readonly pipe?: { readonly path?: string };
};

/** Envoy's admin.v3.Clusters in JSON, as /clusters?format=json gives it. */
interface ClustersDump {
  readonly cluster_statuses?: readonly {
    readonly name?: string;
    readonly host_statuses?: readonly {
      readonly address?: HostAddress;
      readonly health_status?: {
        readonly eds_health_status?: string;
        readonly failed_outlier_check?: boolean;
      };
      readonly weight?: number;
      readonly priority?: number;
      readonly locality?: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
    }[];
  }[];
}

/** The rows of a proxy's clusters, sorted as istioctl sorts them. Only outbound ones unless `all`. */
export function endpointRows(
  dump: unknown,
  filter: { readonly name?: string | undefined; readonly all?: boolean | undefined },
): EndpointRow[] {
  const rows = ((dump as ClustersDump).cluster_statuses ?? []).flatMap(
    ({ name: cluster = "", host_statuses: hosts = [] }) => {
      if (
        filter.name !== undefined
          ? cluster !== filter.name
          : filter.all !== true && !cluster.startsWith("outbound|")
      )
        return [];
      return hosts.map((host): EndpointRow => {
        const { region = "", zone = "", sub_zone: subZone = "" } = host.locality ?? {};
        return {
          endpoint: placeOf(host.address),
          status: host.health_status?.eds_health_status ?? "UNKNOWN",
          outlierCheck: host.health_status?.failed_outlier_check === true ? "FAILED" : "OK",
          cluster,
          locality: [region, zone, subZone].filter((part) => part !== "").join("/"),
          priority: host.priority ?? 0,
          weight: host.weight ?? 1,
        };
      });
    },
  );
  return rows.sort(
    (a, b) =>
      a.endpoint.localeCompare(b.endpoint, "en", { numeric: true }) || a.cluster.localeCompare(b.cluster),
  );
}

function placeOf({ socket_address: socket, pipe }: HostAddress = {}): string {
  return pipe === undefined ? `${socket?.address ?? ""}:${socket?.port_value ?? 0}` : `unix://${pipe.path}`;
}
