import type { CustomTag } from "../../xds/gen/envoy/type/tracing/v3/custom_tag_pb.js";
import { compileFormat } from "../access-log/format.ts";
import { header } from "../http/headers.ts";
import type { ExchangeFacts } from "../router/facts.ts";

/** A tag that the configuration asks for; undefined leaves it out. */
export interface TagSource {
  readonly name: string;
  value(facts: ExchangeFacts): string | undefined;
}

/**
 * Compiles the tags of a configuration. Variables of the environment have their default values: a proxy here has no
 * process and so no environment of its own. Metadata is none that filters here would leave.
 */
export function compileTags(tags: readonly CustomTag[], where: string): TagSource[] {
  return tags.flatMap(({ tag: name, type }) => {
    switch (type.case) {
      case "literal": {
        const { value } = type.value;
        return [{ name, value: () => value }];
      }
      case "environment": {
        const { defaultValue } = type.value;
        return defaultValue === "" ? [] : [{ name, value: () => defaultValue }];
      }
      case "requestHeader": {
        const { name: field, defaultValue } = type.value;
        const lower = field.toLowerCase();
        return [
          {
            name,
            value: ({ request }: ExchangeFacts) =>
              (request === undefined ? undefined : header(request.headers, lower)) ??
              (defaultValue || undefined),
          },
        ];
      }
      case "value":
        return [{ name, value: compileFormat(type.value, `${where}, tag ${name}`) }];
      default:
        return [];
    }
  });
}

/** What Envoy's spans tell of every request, in its order. */
export function standardTags(
  facts: ExchangeFacts,
  nodeId: string,
  maxPath: number,
): (readonly [string, string])[] {
  const { request } = facts;
  const tags: (readonly [string, string])[] = [
    ["component", "proxy"],
    ["node_id", nodeId],
  ];
  if (request !== undefined) {
    const field = (name: string) => header(request.headers, name);
    const id = field("x-request-id");
    if (id !== undefined) tags.push(["guid:x-request-id", id]);
    const path = (field("x-envoy-original-path") ?? request.path).slice(0, maxPath);
    tags.push(
      ["http.url", `${request.scheme}://${request.authority}${path}`],
      ["http.method", request.method],
      ["downstream_cluster", field("x-envoy-downstream-service-cluster") ?? "-"],
      ["user_agent", field("user-agent") ?? "-"],
      ["http.protocol", request.version],
    );
  }
  tags.push(
    ["peer.address", facts.clientAddress],
    ["request_size", String(facts.bytesReceived)],
    ["response_size", String(facts.bytesSent)],
    ["response_flags", facts.flags.length === 0 ? "-" : facts.flags.join(",")],
    ["http.status_code", String(facts.status)],
    ...upstreamTags(facts),
  );
  return tags;
}

/** The same for a span of a request to an upstream alone. */
export function upstreamTags({ cluster, upstreamHost }: ExchangeFacts): (readonly [string, string])[] {
  return [
    ...(cluster === ""
      ? []
      : [["upstream_cluster", cluster] as const, ["upstream_cluster.name", cluster] as const]),
    ...(upstreamHost === undefined ? [] : [["upstream_address", upstreamHost.key] as const]),
  ];
}
