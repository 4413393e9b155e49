import { create } from "@bufbuild/protobuf";
import { type CustomTag, CustomTagSchema } from "../../xds/gen/envoy/type/tracing/v3/custom_tag_pb.js";
import { lazy } from "./proto.ts";
import { isAtLeast, type ProxyNode } from "./proxy-node.ts";
import type { CustomTagSource } from "./tracing-settings.ts";

/** The tags of a proxy's spans, by name: about its workload if wanted, and those that users ask for. */
export function tracingTags(
  proxy: ProxyNode,
  hasIstioTags: boolean,
  custom: Readonly<Record<string, CustomTagSource>>,
): CustomTag[] {
  const tags = [
    ...(hasIstioTags ? [...dryRunTags(), ...workloadTags(proxy)] : []),
    ...Object.entries(custom).flatMap(([name, source]) => customTag(proxy, name, source) ?? []),
  ];
  return tags.sort((a, b) => (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0));
}

const dryRunTags = lazy(() =>
  ["allow", "deny"].flatMap((action) => [
    metadataTag(
      `istio.authorization.dry_run.${action}_policy.name`,
      `istio_dry_run_${action}_shadow_effective_policy_id`,
    ),
    metadataTag(
      `istio.authorization.dry_run.${action}_policy.result`,
      `istio_dry_run_${action}_shadow_engine_result`,
    ),
  ]),
);

function metadataTag(tag: string, key: string): CustomTag {
  return create(CustomTagSchema, {
    tag,
    type: {
      case: "metadata",
      value: {
        kind: { kind: { case: "request", value: {} } },
        metadataKey: { key: "envoy.filters.http.rbac", path: [{ segment: { case: "key", value: key } }] },
      },
    },
  });
}

function workloadTags({ labels, clusterId, meshId, namespace }: ProxyNode): CustomTag[] {
  const literals: Readonly<Record<string, string>> = {
    "istio.canonical_revision": labels["service.istio.io/canonical-revision"] || "latest",
    "istio.canonical_service": labels["service.istio.io/canonical-name"] || "unknown",
    "istio.cluster_id": clusterId || "unknown",
    "istio.mesh_id": meshId || "unknown",
    "istio.namespace": namespace || "default",
  };
  return Object.entries(literals).map(([tag, value]) =>
    create(CustomTagSchema, { tag, type: { case: "literal", value: { value } } }),
  );
}

/** First Istio whose proxies know tags in the format of access logs. */
const formatterVersion = "1.29";

function customTag(proxy: ProxyNode, tag: string, source: CustomTagSource | null): CustomTag | undefined {
  const type = tagType(proxy, source ?? {});
  return type === undefined ? undefined : create(CustomTagSchema, { tag, type });
}

function tagType(proxy: ProxyNode, { literal, environment, header, formatter }: CustomTagSource) {
  if (literal !== undefined) return { case: "literal" as const, value: { value: literal.value ?? "" } };
  if (environment !== undefined) return { case: "environment" as const, value: nameAndDefault(environment) };
  if (header !== undefined) return { case: "requestHeader" as const, value: nameAndDefault(header) };
  if (formatter !== undefined && isAtLeast(proxy, formatterVersion))
    return { case: "value" as const, value: formatter.value ?? "" };
  return undefined;
}

function nameAndDefault({ name = "", defaultValue = "" }: { name?: string; defaultValue?: string }) {
  return { name, defaultValue };
}
