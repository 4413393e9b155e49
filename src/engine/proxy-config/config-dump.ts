import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** The part of Envoy's /config_dump with this type, for example "ClustersConfigDump"; empty when it has none. */
export function dumpSection(dump: unknown, type: string): JsonObject {
  const found = objects(object(dump)["configs"]).find(
    (config) => text(config["@type"]).split(".").at(-1) === type,
  );
  return found ?? {};
}

/** `value` as an object, an empty one when it is none. */
export function object(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** The objects in a list; none when `value` is no list. */
export function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(object) : [];
}

export function texts(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

/** Text and numbers as text; everything else is "". */
export function text(value: JsonValue | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** The VirtualService or DestinationRule that a resource comes from, as "name.namespace"; "" without one. */
export function managedBy(resource: JsonObject): string {
  const path = text(object(object(object(resource["metadata"])["filter_metadata"])["istio"])["config"]);
  const [, namespace, name] =
    /^\/apis\/networking\.istio\.io\/[^/]+\/namespaces\/([^/]+)\/[^/]+\/([^/]+)$/.exec(path) ?? [];
  return name === undefined ? "" : `${name}.${namespace}`;
}

/** What a route wants of a request's path: "/api*", "PathPrefix:/api", "/exactly", "regex /a.*". */
export function pathMatch(match: JsonObject): string {
  const conditions = [
    [text(match["prefix"]), (value: string) => `${value}*`],
    [text(match["path_separated_prefix"]), (value: string) => `PathPrefix:${value}`],
    [text(match["path"]), (value: string) => value],
    [text(object(match["safe_regex"])["regex"]), (value: string) => `regex ${value}`],
  ] as const;
  return conditions.flatMap(([value, say]) => (value === "" ? [] : [say(value)])).join(" ");
}
