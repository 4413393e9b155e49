import type { MessageInitShape } from "@bufbuild/protobuf";
import { parseGoDuration } from "../../base/index.ts";
import { isJsonObject } from "../../kube/index.ts";
import {
  JwtAuthenticationSchema,
  type JwtProviderSchema,
  type JwtRequirementSchema,
} from "../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { HttpFilter } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { JwtRule, RequestAuthentication } from "./config-types.ts";
import { httpFilter } from "./filters.ts";
import { attachedPolicies } from "./policy-attachment.ts";
import { any } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";
import { unknownKeySet } from "./unknown-key-set.ts";

type Provider = MessageInitShape<typeof JwtProviderSchema>;
type Requirement = MessageInitShape<typeof JwtRequirementSchema>;

/** Milliseconds that fetching keys takes at most, unless a rule says otherwise. */
const fetchTimeout = 5000;

/** Claims that are lists written with blanks, whatever a rule adds (RFC 8693, 4.2). */
const listClaims = ["permission", "scope"];

/**
 * The filter that reads a workload's tokens; none when no RequestAuthentication is for it. A token that is there must be
 * good; one that is not there is for AuthorizationPolicies to miss.
 */
export function requestAuthenticationFor(rules: Rules, proxy: ProxyNode): readonly HttpFilter[] {
  const jwtRules = attachedPolicies(rules.requestAuthentications, rules.mesh, proxy)
    .flatMap(({ spec }) => spec?.jwtRules ?? [])
    .toSorted((a, b) => compare(a.issuer ?? "", b.issuer ?? ""));
  if (jwtRules.length === 0) return [];
  const named = jwtRules.map((rule, i) => [`origins-${i}`, providerOf(rule, rules.keySets, proxy)] as const);
  const config = any(JwtAuthenticationSchema, {
    providers: Object.fromEntries(named),
    rules: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        requirementType: { case: "requires", value: requirementOf(named.map(([name]) => name)) },
      },
    ],
    bypassCorsPreflight: true,
  });
  return [httpFilter("envoy.filters.http.jwt_authn", config)];
}

/** Where the keys of a rule come from that holds none itself: the address of a key set, or an issuer to be asked for it. */
export type KeySource = { readonly keys: string } | { readonly issuer: string };

/** By which a rule's fetched keys are known; undefined when it brings its own. */
function sourceName({ jwks, jwksUri, jwks_uri, issuer }: JwtRule): string | undefined {
  if ((jwks ?? "") !== "") return undefined;
  const address = jwksUri ?? jwks_uri ?? "";
  if (address !== "") return `keys ${address}`;
  return (issuer ?? "") === "" ? undefined : `issuer ${issuer}`;
}

/** Names of the keys that have to be fetched, each with the milliseconds that it may take. */
export function keysToFetch(policies: readonly RequestAuthentication[]): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const rule of policies.flatMap(({ spec }) => spec?.jwtRules ?? [])) {
    const name = sourceName(rule);
    if (name !== undefined)
      wanted.set(name, Math.max(wanted.get(name) ?? 0, parseGoDuration(rule.timeout) ?? fetchTimeout));
  }
  return wanted;
}

/** Where the keys of a name of `keysToFetch` are. */
export function readKeySource(name: string): KeySource {
  const address = name.slice(name.indexOf(" ") + 1);
  return name.startsWith("keys ") ? { keys: address } : { issuer: address };
}

/**
 * A JSON Web Key Set (RFC 7517) as proxies take it; a single key is a set of one. Undefined for what is none, and for a
 * set without any key, which proxies refuse together with the whole listener.
 */
export function asKeySet(text: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(parsed)) return undefined;
  const { keys } = parsed;
  const isKey = (key: unknown) => isJsonObject(key) && typeof key["kty"] === "string";
  if (keys === undefined) return isKey(parsed) ? JSON.stringify({ keys: [parsed] }) : undefined;
  return Array.isArray(keys) && keys.some(isKey) ? text : undefined;
}

function providerOf(rule: JwtRule, keySets: ReadonlyMap<string, string>, proxy: ProxyNode): Provider {
  const source = sourceName(rule);
  const keys = source === undefined ? asKeySet(rule.jwks ?? "") : keySets.get(source);
  return {
    issuer: rule.issuer ?? "",
    audiences: [...(rule.audiences ?? [])],
    jwksSourceSpecifier: {
      case: "localJwks",
      // Without keys no token of this issuer is good, and none passes unread.
      value: { specifier: { case: "inlineString", value: keys ?? unknownKeySet() } },
    },
    forward: rule.forwardOriginalToken ?? false,
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = "" }) => ({ name, valuePrefix: prefix })),
    fromParams: [...(rule.fromParams ?? [])],
    fromCookies: [...(rule.fromCookies ?? [])],
    forwardPayloadHeader: rule.outputPayloadToHeader ?? "",
    payloadInMetadata: "payload",
    normalizePayloadInMetadata: {
      spaceDelimitedClaims: [...new Set([...listClaims, ...(rule.spaceDelimitedClaims ?? [])])].toSorted(),
    },
    claimToHeaders: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({
      headerName: header,
      claimName: claim,
    })),
    // A gateway's routes may ask for claims.
    clearRouteCache: proxy.type === "router",
  };
}

/**
 * Any provider's good token is enough, whatever else stands in the same place; without one each provider's token must be
 * missing.
 */
function requirementOf(names: readonly string[]): Requirement {
  const provider = (name: string): Requirement => ({
    requiresType: { case: "providerName", value: name },
  });
  const any = (requirements: Requirement[]): Requirement => ({
    requiresType: { case: "requiresAny", value: { requirements } },
  });
  const each = names.map((name) =>
    any([provider(name), { requiresType: { case: "allowMissing", value: {} } }]),
  );
  const [only] = each;
  if (each.length === 1 && only !== undefined) return only;
  return any([
    ...names.map(provider),
    { requiresType: { case: "requiresAll", value: { requirements: each } } },
  ]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
