import type { KubeObject } from "../kube/index.ts";

/** Where a route of a VirtualService leads. */
export interface Destination {
  readonly host?: string;
  readonly subset?: string;
}

/** A route's destination with its share. */
export interface WeightedDestination {
  readonly destination?: Destination;
  readonly weight?: number;
}

interface Route {
  readonly name?: string;
  readonly route?: readonly WeightedDestination[];
  readonly mirror?: Destination;
  readonly mirrors?: readonly { readonly destination?: Destination }[];
}

/** Istio's VirtualService, the fields that are checked. */
export interface VirtualServiceSpec {
  readonly hosts?: readonly string[];
  readonly gateways?: readonly string[];
  readonly exportTo?: readonly string[];
  readonly http?: readonly Route[];
  readonly tcp?: readonly Route[];
  readonly tls?: readonly Route[];
}

export function virtualServiceSpec(virtualService: KubeObject): VirtualServiceSpec {
  return (virtualService["spec"] ?? {}) as VirtualServiceSpec;
}

/** All routes with the place where they stand: "http[0]". */
export function routesOf(
  virtualService: KubeObject,
): readonly { readonly place: string; readonly route: Route }[] {
  const spec = virtualServiceSpec(virtualService);
  return (["http", "tls", "tcp"] as const).flatMap((protocol) =>
    (spec[protocol] ?? []).map((route, index) => ({ place: `${protocol}[${index}]`, route })),
  );
}

/** All destinations of a route, mirrors included, with their share where they have one. */
export function destinationsOf({
  route = [],
  mirror,
  mirrors = [],
}: Route): readonly (Destination & { readonly weight?: number })[] {
  return [
    ...route.map(({ destination, weight }) => ({
      ...destination,
      ...(weight === undefined ? {} : { weight }),
    })),
    ...(mirror === undefined ? [] : [mirror]),
    ...mirrors.flatMap(({ destination }) => destination ?? []),
  ];
}
