import type { Destination, VirtualService } from "../../discovery/index.ts";

/** For the mesh's own proxies, in contrast to gateways by name. */
export const meshGateway = "mesh";

/** A route of any protocol, with what all have in common. */
interface Route {
  readonly name?: string;
  readonly route?: readonly { readonly destination?: Destination; readonly weight?: number }[];
  readonly mirror?: Destination;
  readonly mirrors?: readonly { readonly destination?: Destination }[];
}

/** All routes with the place where they stand: "http[0]". */
export function routesOf({
  spec,
}: VirtualService): readonly { readonly place: string; readonly route: Route }[] {
  return (["http", "tls", "tcp"] as const).flatMap((protocol) => {
    const routes: readonly Route[] = spec[protocol] ?? [];
    return routes.map((route, index) => ({ place: `${protocol}[${index}]`, route }));
  });
}

/** Where a route leads, and where that is written in it. */
export interface PlacedDestination {
  readonly destination: Destination;
  /** "route[1].destination", "mirror" */
  readonly place: string;
  readonly weight?: number;
}

/** All destinations of a route, mirrors included, with their share where they have one. */
export function destinationsOf({ route = [], mirror, mirrors = [] }: Route): readonly PlacedDestination[] {
  return [
    ...route.flatMap(({ destination, weight }, index) =>
      destination === undefined
        ? []
        : {
            destination,
            place: `route[${index}].destination`,
            ...(weight === undefined ? {} : { weight }),
          },
    ),
    ...(mirror === undefined ? [] : [{ destination: mirror, place: "mirror" }]),
    ...mirrors.flatMap(({ destination }, index) =>
      destination === undefined ? [] : { destination, place: `mirrors[${index}].destination` },
    ),
  ];
}

/** All destinations of a VirtualService; places are full: "spec.http[0].route[1].destination". */
export function allDestinationsOf(virtualService: VirtualService): readonly PlacedDestination[] {
  return routesOf(virtualService).flatMap(({ place, route }) =>
    destinationsOf(route).map((one) => ({ ...one, place: `spec.${place}.${one.place}` })),
  );
}

/** Gateways that a VirtualService is for, as "namespace/name"; not the mesh's own proxies. */
export function gatewaysOf({
  metadata,
  spec,
}: VirtualService): readonly { readonly name: string; readonly place: string }[] {
  return (spec.gateways ?? []).flatMap((name, index) =>
    name === meshGateway
      ? []
      : {
          name: name.includes("/") ? name : `${metadata.namespace ?? "default"}/${name}`,
          place: `spec.gateways[${index}]`,
        },
  );
}

/** Whether the mesh's own proxies follow it. */
export function isForMesh({ spec: { gateways = [] } }: VirtualService): boolean {
  return gateways.length === 0 || gateways.includes(meshGateway);
}
