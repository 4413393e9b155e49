import type { Any } from "@bufbuild/protobuf/wkt";
import { FilterConfigSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { CorsPolicySchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { PerRouteConfigSchema as JwtPerRouteSchema } from "../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { RBACPerRouteSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { unpack } from "../config/wire.ts";
import { type CorsRules, compileCors } from "./cors.ts";
import { compileFault, type FaultRules } from "./fault.ts";
import { compileRbac, type RbacRules } from "./rbac.ts";

/** typed_per_filter_config of one route, virtual host or weighted cluster, by filter name. */
export type PerFilter = ReadonlyMap<string, PerFilterEntry>;

export type PerFilterEntry =
  | { readonly kind: "disabled" }
  | { readonly kind: "fault"; readonly rules: FaultRules }
  | { readonly kind: "cors"; readonly rules: CorsRules }
  | { readonly kind: "rbac"; readonly rules: RbacRules | undefined }
  | { readonly kind: "jwt"; readonly requirement: string }
  /** Of a filter that has nothing to say here. */
  | { readonly kind: "ignored" };

const none: PerFilter = new Map();

/** Compiles per-filter settings. Throws ConfigError on a type that is unknown and not optional. */
export function compilePerFilter(configs: Readonly<Record<string, Any>>, where: string): PerFilter {
  const names = Object.entries(configs);
  if (names.length === 0) return none;
  return new Map(names.map(([name, any]) => [name, compileEntry(any, `${where}, ${name}`)]));
}

function compileEntry(any: Any, where: string): PerFilterEntry {
  const type = any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
  switch (type) {
    case "envoy.config.route.v3.FilterConfig": {
      const wrapped = unpack(any, FilterConfigSchema, where);
      if (wrapped.disabled) return { kind: "disabled" };
      if (wrapped.config === undefined) return { kind: "ignored" };
      try {
        return compileEntry(wrapped.config, where);
      } catch (reason) {
        if (wrapped.isOptional) return { kind: "ignored" };
        throw reason;
      }
    }
    case HTTPFaultSchema.typeName:
      return { kind: "fault", rules: compileFault(unpack(any, HTTPFaultSchema, where), where) };
    case CorsPolicySchema.typeName:
      return { kind: "cors", rules: compileCors(unpack(any, CorsPolicySchema, where), where) };
    case RBACPerRouteSchema.typeName: {
      const { rbac } = unpack(any, RBACPerRouteSchema, where);
      return { kind: "rbac", rules: compileRbac(rbac?.rules, where) };
    }
    case JwtPerRouteSchema.typeName: {
      const { requirementSpecifier } = unpack(any, JwtPerRouteSchema, where);
      return requirementSpecifier.case === "requirementName"
        ? { kind: "jwt", requirement: requirementSpecifier.value }
        : { kind: requirementSpecifier.value === true ? "disabled" : "ignored" };
    }
    default:
      if (type.startsWith("istio.") || type === "udpa.type.v1.TypedStruct") return { kind: "ignored" };
      throw new ConfigError(`${where}: unsupported per-filter configuration ${type}`);
  }
}
