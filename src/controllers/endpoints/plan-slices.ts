import type { Endpoint, EndpointSlice } from "../../kube/index.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import type { EndpointPort } from "./endpoints-object.ts";

/** Endpoints that share address type and ports, and so may share slices. */
export interface SliceGroup {
  readonly addressType: EndpointSlice["addressType"];
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** What a slice is to hold. */
export type SliceContent = SliceGroup;

/** What to write so that the slices hold the groups. */
export interface SlicePlan {
  readonly create: readonly SliceContent[];
  readonly update: readonly { readonly slice: EndpointSlice; readonly content: SliceContent }[];
  readonly remove: readonly EndpointSlice[];
}

/** Kubernetes' default; small slices keep one pod's change from rewriting all addresses of a large Service. */
const mostEndpoints = 100;

/**
 * Spreads groups over slices with as few writes as can be: an endpoint stays in the slice where it is, new ones
 * fill the fullest slices that have room, empty slices are taken over or go. One slice always remains, so that a
 * Service without endpoints can be told from one nobody has looked at. Pure.
 */
export function planSlices(existing: readonly EndpointSlice[], groups: readonly SliceGroup[]): SlicePlan {
  const create: SliceContent[] = [];
  const update: { slice: EndpointSlice; content: SliceContent }[] = [];
  const free = new Set(existing);
  const filled = groups.filter((group) => group.endpoints.length > 0);
  const wanted: readonly SliceGroup[] =
    filled.length > 0 ? filled : [{ addressType: "IPv4", ports: [], endpoints: [] }];

  const assign = (slice: EndpointSlice, content: SliceContent) => {
    free.delete(slice);
    update.push({ slice, content });
  };
  for (const group of wanted) {
    const missing = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
    const id = groupId(group);
    const own = existing.filter(
      (slice) => free.has(slice) && groupId({ ...slice, ports: slice.ports ?? [] }) === id,
    );
    const kept = own.map((slice) => {
      const endpoints = (slice.endpoints ?? []).flatMap((endpoint) => {
        const now = missing.get(identity(endpoint));
        missing.delete(identity(endpoint));
        return now ?? [];
      });
      return { slice, endpoints };
    });
    kept.sort((a, b) => b.endpoints.length - a.endpoints.length);
    const left = [...missing.values()];
    for (const { slice, endpoints } of kept) {
      const content = [...endpoints, ...left.splice(0, Math.max(0, mostEndpoints - endpoints.length))];
      if (content.length > 0) assign(slice, { ...group, endpoints: content });
    }
    while (left.length > 0) create.push({ ...group, endpoints: left.splice(0, mostEndpoints) });
  }
  // An empty slice, the placeholder most of all, is filled rather than replaced.
  for (const slice of [...free]) {
    const index = create.findIndex(({ addressType }) => addressType === slice.addressType);
    const isEmpty = (slice.endpoints ?? []).length === 0;
    const content = create[index];
    if (content === undefined || !isEmpty) continue;
    create.splice(index, 1);
    assign(slice, content);
  }
  if (filled.length === 0) {
    const [placeholder] = [...free].filter(({ addressType }) => addressType === "IPv4");
    const empty: SliceContent = { addressType: "IPv4", ports: [], endpoints: [] };
    if (placeholder === undefined) create.push(empty);
    else assign(placeholder, empty);
  }
  return { create, update, remove: [...free] };
}

function identity({ addresses, targetRef }: Endpoint): string {
  return `${addresses.join(",")}/${targetRef?.uid ?? ""}`;
}

/** Equal for endpoints that may share a slice. */
export function groupId({ addressType, ports }: Pick<SliceGroup, "addressType" | "ports">): string {
  return `${addressType}/${canonicalJson(ports)}`;
}
