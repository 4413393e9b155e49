import { isIP } from "node:net";
import { nearestName } from "../../base/index.ts";
import { fromAnnotation, generated, type KubeObject, systemNamespace } from "../../kube/index.ts";
import { allocateAddresses } from "./allocate-addresses.ts";
import type {
  ClusterFacts,
  ExportClash,
  Offer,
  ServiceEntry,
  ServiceEntryEndpoint,
  ServiceExport,
} from "./contracts.ts";
import { type ExportedService, exportedServices } from "./exported-services.ts";
import { identitiesBehind } from "./identities.ts";
import { type ExportedPort, exportedPorts } from "./service-ports.ts";

/** What every control plane should hold so that exported services work, and how each export fares. */
export interface Federation {
  /** By primary: all objects of ours in its API. */
  readonly objects: ReadonlyMap<string, readonly KubeObject[]>;
  readonly exports: readonly ExportState[];
  readonly clashes: readonly ExportClash[];
  /** The names of each exported Service, by "cluster/namespace/name". */
  readonly hosts: ReadonlyMap<string, string>;
}

export interface ExportState {
  readonly cluster: string;
  readonly by: ServiceExport;
  readonly isReady: boolean;
  /** For machines: "NoService", "NoGateway", "NoGatewayAddress", "Exported". */
  readonly reason: string;
  readonly message: string;
}

/** Label by which federation knows its own objects again. */
export const federationLabels = { "app.kubernetes.io/component": "federation" } as const;
/** On an endpoint of a ServiceEntry: the cluster behind it. */
const clusterLabel = "isthmus.dev/cluster";

const clusterDomain = "cluster.local";

/**
 * Services that clusters export, as the others import them: a ServiceEntry `name.namespace.suffix` whose endpoints are
 * the exporters' gateways, a DestinationRule that asks those gateways for the Service by its server name and holds what
 * answers to the identities of the exporters' pods where trust domains differ, and on each exporter a Gateway that lets through these Services and nothing else. In a cluster that exports a name itself, the name
 * means the other exporters'. Of clusters that are not known yet, what the others hold is kept. Pure.
 */
export function federate(
  clusters: readonly ClusterFacts[],
  hostSuffix: string,
  offers: readonly Offer[] = [],
): Federation {
  const exported = clusters.flatMap((cluster) => (cluster.isKnown ? exportedServices(cluster, offers) : []));
  const byHost = new Map<string, ExportedService[]>();
  for (const one of exported) {
    if (one.service === undefined) continue;
    const host = hostOf(one, hostSuffix);
    byHost.set(host, [...(byHost.get(host) ?? []), one]);
  }
  const kept = keptEntries(clusters);
  const hosts = [...new Set([...byHost.keys(), ...kept.keys()])].sort();
  const addresses = allocateAddresses(hosts, presentAddresses(clusters), takenAddresses(clusters));
  const primaries = new Set(clusters.map(({ primary }) => primary));
  const objects = [...primaries].map((primary) => {
    const own = clusters.filter((cluster) => cluster.primary === primary);
    const imported = hosts.flatMap((host) => {
      const all = byHost.get(host) ?? [];
      const exporters = all.filter(({ cluster }) => cluster.primary !== primary);
      const before = keptBy(primary, kept.get(host), own);
      const visibleTo = visibility(exporters, primary, before);
      if ((exporters.length === 0 && before === undefined) || visibleTo.length === 0) return [];
      const trustDomain = own.find(({ name }) => name === primary)?.trustDomain;
      const identities = before === undefined ? identitiesBehind(exporters, trustDomain) : undefined;
      const address = addresses.get(host);
      return importedObjects(host, { address, exporters, kept: before, visibleTo, identities });
    });
    return [primary, [...imported, ...own.flatMap((cluster) => gatewayOf(cluster, exported))]] as const;
  });
  return {
    objects: new Map(objects),
    exports: exported.flatMap((one) => (one.by === undefined ? [] : [stateOf(one, one.by, hostSuffix)])),
    hosts: new Map(
      exported.map((one) => [`${one.cluster.name}/${one.namespace}/${one.name}`, hostOf(one, hostSuffix)]),
    ),
    clashes: [...byHost].flatMap(([host, exporters]) => clashOf(host, exporters)),
  };
}

/** Namespaces of a primary's clusters that know a host; "*" when everybody does. */
function visibility(
  exporters: readonly ExportedService[],
  primary: string,
  kept: ServiceEntry | undefined,
): readonly string[] {
  const namespaces = exporters.flatMap(({ offer }) =>
    offer === undefined ? ["*"] : (offer.visibleIn.get(primary) ?? []),
  );
  if (kept !== undefined) namespaces.push(...((kept.spec["exportTo"] as string[] | undefined) ?? ["*"]));
  return namespaces.includes("*") ? ["*"] : [...new Set(namespaces)].sort();
}

/** What leads from a primary to itself is nothing that it imports. */
function keptBy(
  primary: string,
  kept: ServiceEntry | undefined,
  own: readonly ClusterFacts[],
): ServiceEntry | undefined {
  if (kept === undefined) return undefined;
  const names = new Set([primary, ...own.map(({ name }) => name)]);
  const endpoints = (kept.spec.endpoints ?? []).filter(
    ({ labels }) => !names.has(labels?.[clusterLabel] ?? ""),
  );
  return endpoints.length === 0 ? undefined : { ...kept, spec: { ...kept.spec, endpoints } };
}

/** Exporters whose Services have other ports, or other protocols on them, than the first one's. */
function clashOf(host: string, exporters: readonly ExportedService[]): readonly ExportClash[] {
  const described = exporters.flatMap(({ service, cluster }) => {
    const ports = service === undefined ? [] : exportedPorts(service);
    const text = ports.map(({ number, protocol = "unknown" }) => `${number}/${protocol}`).join(", ");
    return service === undefined ? [] : [{ cluster: cluster.name, text }];
  });
  const [first] = described;
  const other = described.find(({ text }) => text !== first?.text);
  if (first === undefined || other === undefined) return [];
  const workspaces = [...new Set(exporters.flatMap(({ offer }) => offer?.workspace ?? []))];
  const message = `${host} has the ports ${first.text} in ${first.cluster}, but ${other.text} in ${other.cluster}`;
  return [{ host, workspaces, message }];
}

function hostOf({ name, namespace }: ExportedService, hostSuffix: string): string {
  return `${name}.${namespace}.${hostSuffix}`;
}

/** ServiceEntries of ours, of all clusters, that lead to a cluster of which nothing is known yet. */
function keptEntries(clusters: readonly ClusterFacts[]): ReadonlyMap<string, ServiceEntry> {
  const unknown = new Set(clusters.filter(({ isKnown }) => !isKnown).map(({ name }) => name));
  const kept = new Map<string, ServiceEntry>();
  for (const entry of clusters.flatMap(({ serviceEntries }) => serviceEntries.filter(isOurs))) {
    const [host] = entry.spec.hosts;
    const leadsThere = entry.spec.endpoints?.some(({ labels }) => unknown.has(labels?.[clusterLabel] ?? ""));
    if (host !== undefined && leadsThere === true)
      kept.set(host, {
        ...entry,
        spec: {
          ...entry.spec,
          endpoints: (entry.spec.endpoints ?? []).filter(({ labels }) =>
            unknown.has(labels?.[clusterLabel] ?? ""),
          ),
        },
      });
  }
  return kept;
}

/** Whether federation made the object. */
export function isOurs({ metadata }: KubeObject): boolean {
  return Object.entries(federationLabels).every(([name, value]) => metadata.labels?.[name] === value);
}

function presentAddresses(clusters: readonly ClusterFacts[]): ReadonlyMap<string, string> {
  const present = new Map<string, string>();
  for (const { spec } of clusters.flatMap(({ serviceEntries }) => serviceEntries.filter(isOurs))) {
    const [[host], [address]] = [spec.hosts, spec.addresses ?? []];
    if (host !== undefined && address !== undefined && !present.has(host)) present.set(host, address);
  }
  return present;
}

function takenAddresses(clusters: readonly ClusterFacts[]): ReadonlySet<string> {
  const others = clusters.flatMap(({ serviceEntries }) => serviceEntries.filter((entry) => !isOurs(entry)));
  return new Set(others.flatMap(({ spec }) => spec.addresses ?? []));
}

interface Imported {
  readonly address: string | undefined;
  readonly exporters: readonly ExportedService[];
  readonly kept: ServiceEntry | undefined;
  readonly visibleTo: readonly string[];
  readonly identities: readonly string[] | undefined;
}

function importedObjects(
  host: string,
  { address, exporters, kept, visibleTo, identities }: Imported,
): readonly KubeObject[] {
  const ports = portsOf(exporters, kept);
  const endpoints = [...exporters.flatMap((one) => endpointsOf(one, ports)), ...(kept?.spec.endpoints ?? [])];
  const [name, namespace] = host.split(".");
  const metadata = {
    // Dots can't be in every name; host names and dashes alone could be the same for two hosts.
    name: host.replaceAll("-", "--").replaceAll(".", "-"),
    namespace: systemNamespace,
    labels: federationLabels,
  };
  const from =
    exporters[0] === undefined ? kept?.metadata.annotations?.[fromAnnotation] : causeOf(exporters[0]);
  const exportTo = visibleTo.includes("*") ? {} : { exportTo: visibleTo };
  const make = (kind: string, spec: object) =>
    generated(
      { apiVersion: "networking.istio.io/v1", kind, metadata, spec: { ...spec, ...exportTo } },
      from ?? host,
    );
  return [
    make("ServiceEntry", {
      hosts: [host],
      ...(address === undefined ? {} : { addresses: [address] }),
      location: "MESH_INTERNAL",
      resolution: endpoints.every((endpoint) => isIP(endpoint.address) !== 0) ? "STATIC" : "DNS",
      ports,
      endpoints,
    }),
    make("DestinationRule", {
      host,
      trafficPolicy: {
        portLevelSettings: ports.map(({ number }) => ({
          port: { number },
          tls: {
            mode: "ISTIO_MUTUAL",
            // What the exporter's gateway knows the Service by.
            sni: `outbound_.${number}_._.${name}.${namespace}.svc.${clusterDomain}`,
            ...(identities === undefined ? {} : { subjectAltNames: identities }),
          },
        })),
      },
    }),
  ];
}

/** Of all exporters; where two disagree about a port, the first one counts. */
function portsOf(
  exporters: readonly ExportedService[],
  kept: ServiceEntry | undefined,
): readonly ExportedPort[] {
  const all = [
    ...exporters.flatMap(({ service }) => (service === undefined ? [] : exportedPorts(service))),
    ...((kept?.spec["ports"] as readonly ExportedPort[] | undefined) ?? []),
  ];
  const ports = new Map<number, ExportedPort>();
  const names = new Set<string>();
  for (const port of all) {
    if (ports.has(port.number) || names.has(port.name)) continue;
    ports.set(port.number, port);
    names.add(port.name);
  }
  return [...ports.values()].sort((a, b) => a.number - b.number);
}

function endpointsOf(
  { cluster, service }: ExportedService,
  ports: readonly ExportedPort[],
): readonly ServiceEntryEndpoint[] {
  const { gateway, locality, name, network } = cluster;
  if (gateway === undefined || service === undefined) return [];
  const offered = new Set(exportedPorts(service).map(({ number }) => number));
  const through = ports.filter(({ number }) => offered.has(number));
  return gateway.addresses.map((address) => ({
    address,
    ports: Object.fromEntries(through.map((port) => [port.name, gateway.port])),
    ...(locality === undefined ? {} : { locality }),
    ...(network === undefined ? {} : { network }),
    labels: { "security.istio.io/tlsMode": "istio", [clusterLabel]: name },
  }));
}

/** The Gateway object that opens the cross-network gateway of `cluster` for what it exports. */
function gatewayOf(cluster: ClusterFacts, exported: readonly ExportedService[]): readonly KubeObject[] {
  const { gateway, name, primary } = cluster;
  const offered = exported.filter((one) => one.cluster === cluster && one.service !== undefined);
  const [first] = offered;
  if (gateway === undefined || first === undefined) return [];
  const object = {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: {
      name: name === primary ? "cross-network-gateway" : `cross-network-gateway-${name}`,
      namespace: systemNamespace,
      labels: federationLabels,
    },
    spec: {
      selector: gateway.selector,
      servers: [
        {
          port: { number: gateway.port, name: "tls", protocol: "TLS" },
          tls: { mode: "AUTO_PASSTHROUGH" },
          hosts: offered.map((one) => `${one.name}.${one.namespace}.svc.${clusterDomain}`),
        },
      ],
    },
  };
  return [generated(object, causeOf(first))];
}

/** The field of the mesh file, or the object, that asked for the export. */
function causeOf({ by, offer, cluster, namespace, name }: ExportedService): string {
  return (
    offer?.from ??
    by?.metadata.annotations?.[fromAnnotation] ??
    `ServiceExport ${namespace}/${name} of ${cluster.name}`
  );
}

function stateOf(exported: ExportedService, by: ServiceExport, hostSuffix: string): ExportState {
  const { cluster, name, namespace, service } = exported;
  const state = (reason: string, message: string): ExportState => ({
    cluster: cluster.name,
    by,
    isReady: reason === "Exported",
    reason,
    message,
  });
  if (service === undefined) {
    const near = nearestName(
      name,
      cluster.services
        .filter(({ metadata }) => metadata.namespace === namespace)
        .map(({ metadata }) => metadata.name),
    );
    const hint = near === undefined ? "" : `; there is a Service ${near}`;
    return state("NoService", `waiting for Service ${name}.${namespace} in ${cluster.name}${hint}`);
  }
  if (cluster.gateway === undefined)
    return state("NoGateway", `${cluster.name} has no gateway for other networks`);
  if (cluster.gateway.addresses.length === 0)
    return state(
      "NoGatewayAddress",
      `waiting for an address of ${cluster.name}'s gateway for other networks`,
    );
  return state("Exported", `other clusters reach it as ${hostOf(exported, hostSuffix)}`);
}
