import type {
  Destination,
  Headers,
  HttpMatch,
  HttpRoute,
  RouteDestination,
  VirtualService,
} from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { resolveShortName } from "./names.ts";

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

/** Resolves all VirtualServices. Those without hosts are delegates and appear only inside the ones that name them. */
export function resolveVirtualServices(
  objects: Iterable<VirtualService>,
  mesh: MeshConfig,
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
    const expand = (host: string, of = namespace) => resolveShortName(host, of, mesh.domain);
    const http = (spec.http ?? []).flatMap((route) => {
      if (route.delegate === undefined) return [resolveHttpRoute(route, expand, namespace)];
      const of = route.delegate.namespace ?? namespace;
      const delegate = delegates.get(`${of}/${route.delegate.name}`);
      if (delegate === undefined) return [];
      return (delegate.spec.http ?? []).flatMap((inner) => {
        const merged = mergeDelegate(
          route,
          resolveHttpRoute(inner, (host) => expand(host, of), of),
        );
        return merged === undefined ? [] : [merged];
      });
    });
    return [
      {
        name: metadata.name,
        namespace,
        hosts: (spec.hosts ?? []).map((host) => expand(host)),
        gateways: new Set((spec.gateways ?? ["mesh"]).map((name) => gatewayName(name, namespace))),
        http,
        tls: (spec.tls ?? []).map((route) => ({
          ...route,
          ...resolveMatches(route.match, namespace),
          route: (route.route ?? []).map((item) => resolveRouteDestination(item, expand)),
        })),
        tcp: (spec.tcp ?? []).map((route) => ({
          ...route,
          ...resolveMatches(route.match, namespace),
          route: (route.route ?? []).map((item) => resolveRouteDestination(item, expand)),
        })),
        exportTo: spec.exportTo ?? [],
      },
    ];
  });
}

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

/** A delegate's route under its root's conditions; undefined when both can't hold at once. */
function mergeDelegate(root: HttpRoute, delegate: HttpRoute): HttpRoute | undefined {
  const { delegate: _, match: rootMatches = [], ...inherited } = root;
  const inner = delegate.match ?? [];
  const match =
    rootMatches.length === 0
      ? inner
      : inner.length === 0
        ? rootMatches
        : rootMatches.flatMap((outer) => inner.flatMap((own) => mergeMatch(outer, own) ?? []));
  if (rootMatches.length > 0 && inner.length > 0 && match.length === 0) return undefined;
  const name = [root.name, delegate.name].filter((part) => part !== undefined && part !== "").join("-");
  const headers = mergeHeaders(root.headers, delegate.headers);
  return {
    ...inherited,
    ...delegate,
    ...(name === "" ? {} : { name }),
    ...(match.length === 0 ? {} : { match }),
    ...(headers === undefined ? {} : { headers }),
  };
}

function mergeMatch(outer: HttpMatch, inner: HttpMatch): HttpMatch | undefined {
  const names = ["uri", "scheme", "method", "authority"] as const;
  for (const name of names) {
    if (name !== "uri" && outer[name] !== undefined && inner[name] !== undefined) return undefined;
  }
  if (outer.uri !== undefined && inner.uri !== undefined) {
    const within = inner.uri.prefix ?? inner.uri.exact;
    if (outer.uri.prefix === undefined || within === undefined || !within.startsWith(outer.uri.prefix))
      return undefined;
  }
  if (outer.port !== undefined && inner.port !== undefined && outer.port !== inner.port) return undefined;
  const name = [outer.name, inner.name].filter((part) => part !== undefined && part !== "").join("-");
  return {
    ...outer,
    ...inner,
    ...(name === "" ? {} : { name }),
    ...(outer.gateways === undefined ? {} : { gateways: outer.gateways }),
    headers: { ...inner.headers, ...outer.headers },
    withoutHeaders: { ...inner.withoutHeaders, ...outer.withoutHeaders },
    queryParams: { ...inner.queryParams, ...outer.queryParams },
    sourceLabels: { ...inner.sourceLabels, ...outer.sourceLabels },
  };
}

function mergeHeaders(root: Headers | undefined, delegate: Headers | undefined): Headers | undefined {
  if (root === undefined || delegate === undefined) return delegate ?? root;
  const operations = (a: Headers["request"], b: Headers["request"]) => ({
    set: { ...a?.set, ...b?.set },
    add: { ...a?.add, ...b?.add },
    remove: [...(a?.remove ?? []), ...(b?.remove ?? [])],
  });
  return {
    request: operations(root.request, delegate.request),
    response: operations(root.response, delegate.response),
  };
}
