import type { Destination, HttpRoute, L4Match, RouteDestination, VirtualService } from "./config-types.ts";
import { delegatedRoutes } from "./delegates.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { resolveShortName } from "./names.ts";
import { isVisibleIn } from "./visibility.ts";

/** A VirtualService with its host and gateway names written out and its delegates put in place. */
export interface ResolvedVirtualService {
  readonly name: string;
  readonly namespace: string;
  readonly hosts: readonly string[];
  /** "mesh" and "namespace/name". */
  readonly gateways: ReadonlySet<string>;
  readonly http: readonly HttpRoute[];
  readonly tls: NonNullable<VirtualService["spec"]["tls"]>;
  readonly tcp: NonNullable<VirtualService["spec"]["tcp"]>;
  readonly exportTo: readonly string[];
}

interface Sortable {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly creationTimestamp?: string;
  };
}

/** Oldest first, then by name and namespace: the order in which Istio lets rules win. */
export function oldestFirst<T extends Sortable>(objects: Iterable<T>): T[] {
  const key = ({ metadata }: T) => `${metadata.name}.${metadata.namespace ?? ""}`;
  return [...objects].sort((a, b) => {
    const [left, right] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
    if (left !== right) return left < right ? -1 : 1;
    return key(a) < key(b) ? -1 : 1;
  });
}

/**
 * Resolves all VirtualServices. Those without hosts are delegates and appear only inside the ones that name them.
 * A route whose delegate is missing or not exported to it is left out and reported.
 */
export function resolveVirtualServices(
  objects: Iterable<VirtualService>,
  mesh: MeshConfig,
  report: (problem: string) => void,
): ResolvedVirtualService[] {
  const sorted = oldestFirst(objects);
  const delegates = new Map(
    sorted
      .filter(({ spec }) => (spec.hosts ?? []).length === 0)
      .map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, object]),
  );
  return sorted.flatMap((object) => {
    const { spec, metadata } = object;
    const namespace = metadata.namespace ?? "";
    if ((spec.hosts ?? []).length === 0) return [];
    const expand = expandIn(namespace, mesh);
    const http = (spec.http ?? []).flatMap((written) => {
      const route = resolveHttpRoute(written, expand, namespace);
      if (route.delegate === undefined) return [route];
      const of = route.delegate.namespace || namespace;
      const name = `${of}/${route.delegate.name}`;
      const found = delegates.get(name);
      const isVisible =
        found !== undefined &&
        isVisibleIn(found.spec.exportTo ?? [], mesh.defaultVirtualServiceExportTo, of, namespace);
      if (found === undefined || !isVisible) {
        report(
          `virtual service ${namespace}/${metadata.name}: its delegate ${name} ${found === undefined ? "is not there" : `is not exported to ${namespace}`}`,
        );
        return [];
      }
      const routes = (found.spec.http ?? []).map((own) => resolveHttpRoute(own, expandIn(of, mesh), of));
      return delegatedRoutes(route, routes);
    });
    const layer4 = <M extends L4Match>(route: Layer4Route<M>) => ({
      ...route,
      ...resolveMatches(route.match, namespace),
      route: (route.route ?? []).map((item) => resolveRouteDestination(item, expand)),
    });
    return [
      {
        name: metadata.name,
        namespace,
        hosts: (spec.hosts ?? []).map(expand),
        gateways: new Set(orMesh(spec.gateways).map((name) => gatewayName(name, namespace))),
        http,
        tls: (spec.tls ?? []).map(layer4),
        tcp: (spec.tcp ?? []).map(layer4),
        exportTo: spec.exportTo ?? [],
      },
    ];
  });
}

/** A rule that names no gateway is for the mesh. */
const orMesh = (gateways: readonly string[] = []) => (gateways.length === 0 ? ["mesh"] : gateways);

interface Layer4Route<M extends L4Match> {
  readonly match?: readonly M[];
  readonly route?: readonly RouteDestination[];
}

const expandIn = (namespace: string, mesh: MeshConfig) => (host: string) =>
  resolveShortName(host, namespace, mesh.domain);

/** "namespace/name" of a gateway named in a rule of `namespace`; "mesh" stays. */
export function gatewayName(name: string, namespace: string): string {
  if (name === "mesh" || name.includes("/")) return name;
  const [short = "", of, svc] = name.split(".");
  return svc === "svc" && of !== undefined ? `${of}/${short}` : `${namespace}/${name}`;
}

function resolveMatches<M extends { readonly gateways?: readonly string[] }>(
  matches: readonly M[] | undefined,
  namespace: string,
): { readonly match?: readonly M[] } {
  if (matches === undefined) return {};
  return {
    match: matches.map((match) =>
      match.gateways === undefined
        ? match
        : { ...match, gateways: match.gateways.map((name) => gatewayName(name, namespace)) },
    ),
  };
}

function resolveHttpRoute(route: HttpRoute, expand: (host: string) => string, namespace: string): HttpRoute {
  const destination = (value: Destination): Destination => ({ ...value, host: expand(value.host) });
  return {
    ...route,
    ...resolveMatches(route.match, namespace),
    ...(route.route === undefined
      ? {}
      : { route: route.route.map((item) => resolveRouteDestination(item, expand)) }),
    ...(route.mirror === undefined ? {} : { mirror: destination(route.mirror) }),
    ...(route.mirrors === undefined
      ? {}
      : {
          mirrors: route.mirrors.map((mirror) =>
            mirror.destination === undefined
              ? mirror
              : { ...mirror, destination: destination(mirror.destination) },
          ),
        }),
  };
}

function resolveRouteDestination(
  route: RouteDestination,
  expand: (host: string) => string,
): RouteDestination {
  return { ...route, destination: { ...route.destination, host: expand(route.destination.host) } };
}
