import type { JsonObject } from "@bufbuild/protobuf";

/** What proxies show as the origin of a resource: the Istio object that it was made from. */
export function configPath(
  kind: "virtual-service" | "destination-rule",
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string {
  return `/apis/networking.istio.io/v1/namespaces/${namespace}/${kind}/${name}`;
}

/** The same as metadata of a route or a filter chain. */
export function configMetadata(
  kind: "virtual-service" | "destination-rule",
  object: { readonly namespace: string; readonly name: string },
): { readonly filterMetadata: { readonly [filter: string]: JsonObject } } {
  return { filterMetadata: { istio: { config: configPath(kind, object) } } };
}
