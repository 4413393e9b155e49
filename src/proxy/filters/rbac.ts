import {
  type Permission,
  type Principal,
  type RBAC,
  RBAC_Action as RbacAction,
} from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { UriTemplateMatchConfigSchema } from "../../xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import type { MetadataMatcher } from "../../xds/gen/envoy/type/matcher/v3/metadata_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { compileStringMatcher, type TextTest } from "../config/string-match.ts";
import { unpack } from "../config/wire.ts";
import type { Downstream, RequestHead } from "../http/codec.ts";
import { withoutQuery } from "../http/path.ts";
import { compileHeaderMatch } from "../router/header-match.ts";
import { type AddressTest, compileRange } from "./cidr.ts";
import { compileMetadataMatch } from "./metadata-match.ts";
import { compilePathTemplate } from "./path-template.ts";

/** Who asks for what. `request` is absent for plain TCP, where rules about HTTP never fit. */
export interface Attempt {
  readonly downstream: Downstream;
  readonly request: RequestHead | undefined;
  /** The client's address as x-forwarded-for gives it, when that is trusted. */
  readonly clientAddress: string;
}

export interface RbacDecision {
  readonly allowed: boolean;
  /** Name of the policy that fitted. */
  readonly policy: string | undefined;
}

export type RbacRules = (attempt: Attempt) => RbacDecision;

type Test = (attempt: Attempt) => boolean;

/** Compiles RBAC rules; undefined: no rules, everything is allowed. Throws ConfigError. */
export function compileRbac(rules: RBAC | undefined, where: string): RbacRules | undefined {
  if (rules === undefined) return undefined;
  const policies = Object.entries(rules.policies)
    // The order decides only which name is logged.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, policy]) => {
      if (policy.condition !== undefined || policy.checkedCondition !== undefined) {
        throw new ConfigError(`${where}, ${name}: conditions are not supported`);
      }
      const permissions = policy.permissions.map((permission) =>
        compilePermission(permission, `${where}, ${name}`),
      );
      const principals = policy.principals.map((principal) =>
        compilePrincipal(principal, `${where}, ${name}`),
      );
      return {
        name,
        fits: (attempt: Attempt) =>
          permissions.some((test) => test(attempt)) && principals.some((test) => test(attempt)),
      };
    });
  const { action } = rules;
  return (attempt) => {
    const policy = policies.find(({ fits }) => fits(attempt))?.name;
    if (action === RbacAction.LOG) return { allowed: true, policy };
    return { allowed: (policy !== undefined) === (action === RbacAction.ALLOW), policy };
  };
}

const never: Test = () => false;

function compilePermission(permission: Permission, where: string): Test {
  const { rule } = permission;
  switch (rule.case) {
    case "any":
      return () => rule.value;
    case "andRules":
      return all(rule.value.rules.map((inner) => compilePermission(inner, where)));
    case "orRules":
      return some(rule.value.rules.map((inner) => compilePermission(inner, where)));
    case "notRule": {
      const test = compilePermission(rule.value, where);
      return (attempt) => !test(attempt);
    }
    case "header": {
      const test = compileHeaderMatch(rule.value, where);
      return ({ request }) => request !== undefined && test(request);
    }
    case "urlPath":
      return pathTest(
        rule.value.rule.case === "path" ? compileStringMatcher(rule.value.rule.value, where) : undefined,
      );
    case "destinationIp": {
      const test = compileRange(rule.value.addressPrefix, rule.value.prefixLen, where);
      return ({ downstream }) => test(downstream.localAddress);
    }
    case "destinationPort":
      return ({ downstream }) => downstream.localPort === rule.value;
    case "destinationPortRange":
      return ({ downstream: { localPort } }) => localPort >= rule.value.start && localPort < rule.value.end;
    case "requestedServerName": {
      const test = compileStringMatcher(rule.value, where);
      return ({ downstream }) => test(downstream.sni ?? "");
    }
    case "uriTemplate": {
      const { pathTemplate } = unpack(rule.value.typedConfig, UriTemplateMatchConfigSchema, where);
      return pathTest(compilePathTemplate(pathTemplate, where));
    }
    case "metadata":
      return metadataTest(rule.value, where);
    default:
      throw new ConfigError(`${where}: unsupported permission ${rule.case ?? "none"}`);
  }
}

function compilePrincipal(principal: Principal, where: string): Test {
  const { identifier } = principal;
  switch (identifier.case) {
    case "any":
      return () => identifier.value;
    case "andIds":
      return all(identifier.value.ids.map((inner) => compilePrincipal(inner, where)));
    case "orIds":
      return some(identifier.value.ids.map((inner) => compilePrincipal(inner, where)));
    case "notId": {
      const test = compilePrincipal(identifier.value, where);
      return (attempt) => !test(attempt);
    }
    case "authenticated": {
      const name = identifier.value.principalName;
      return peerTest(name === undefined ? undefined : compileStringMatcher(name, where));
    }
    case "header": {
      const test = compileHeaderMatch(identifier.value, where);
      return ({ request }) => request !== undefined && test(request);
    }
    case "urlPath":
      return pathTest(
        identifier.value.rule.case === "path"
          ? compileStringMatcher(identifier.value.rule.value, where)
          : undefined,
      );
    case "sourceIp":
    case "directRemoteIp": {
      const test: AddressTest = compileRange(
        identifier.value.addressPrefix,
        identifier.value.prefixLen,
        where,
      );
      return ({ downstream }) => test(downstream.remoteAddress);
    }
    case "remoteIp": {
      const test = compileRange(identifier.value.addressPrefix, identifier.value.prefixLen, where);
      return ({ clientAddress }) => test(clientAddress);
    }
    case "filterState": {
      const { key, matcher } = identifier.value;
      if (key !== "io.istio.peer_principal" || matcher.case !== "stringMatch") return never;
      return peerTest(compileStringMatcher(matcher.value, where));
    }
    case "metadata":
      return metadataTest(identifier.value, where);
    default:
      throw new ConfigError(`${where}: unsupported principal ${identifier.case ?? "none"}`);
  }
}

/** URI names count first, then DNS names, then the subject; no test: any certificate. */
function peerTest(test: TextTest | undefined): Test {
  return ({ downstream }) => {
    const peer = downstream.tls?.peer;
    if (peer === undefined) return false;
    if (test === undefined) return true;
    if (peer.uris.length > 0) return peer.uris.some(test);
    if (peer.dnsNames.length > 0) return peer.dnsNames.some(test);
    return test(peer.subject);
  };
}

/** What tokens say, above all. */
function metadataTest(matcher: MetadataMatcher, where: string): Test {
  const test = compileMetadataMatch(matcher, where);
  return ({ request }) => test(request);
}

function pathTest(test: TextTest | undefined): Test {
  return ({ request }) => request !== undefined && (test?.(withoutQuery(request.path)) ?? false);
}

function all(tests: readonly Test[]): Test {
  return (attempt) => tests.every((test) => test(attempt));
}

function some(tests: readonly Test[]): Test {
  return (attempt) => tests.some((test) => test(attempt));
}
