import type { typeUrls } from "../../src/xds/index.ts";
import { external, type MeshSize, meshConfig, paths, routeTo, slicePatch } from "./objects.ts";
import type { Event } from "./recorded.ts";

/** One change of the mesh, and how a proxy shows that it has it. */
export interface Change {
  /** Where the object is, and its kind and name. */
  readonly path: string;
  readonly object: string;
  /** As a merge patch. */
  readonly patch: object;
  /** Text that a proxy's resources of `type` have from this change on, and never had before. */
  readonly marker: string;
  readonly type: keyof typeof typeUrls;
}

let lastChange = 0;

/** A change that was never made before in this process. */
export function changeOf(event: Event, size: MeshSize): Change {
  const round = ++lastChange;
  const address = `203.${1 + (round >> 14)}.${(round >> 7) & 127}.${1 + (round & 127)}`;
  const marker = `round-${process.pid}-${round}.`;
  switch (event) {
    case "EndpointSlice":
      return {
        path: paths.slice,
        object: "EndpointSlicesvc-0-1",
        patch: slicePatch(address, size),
        marker: address,
        type: "endpoint",
      };
    case "ServiceEntry":
      return {
        path: paths.serviceEntry,
        object: "ServiceEntryexternal",
        patch: external(address),
        marker: address,
        type: "endpoint",
      };
    case "VirtualService":
      return {
        path: paths.virtualService,
        object: "VirtualServiceroute",
        patch: routeTo(marker),
        marker,
        type: "route",
      };
    case "everything":
      // Routes come last: who holds them holds the rest.
      return {
        path: paths.meshConfig,
        object: "ConfigMapistio",
        patch: meshConfig(marker, round),
        marker,
        type: "route",
      };
  }
}
