import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  PermissionSchema,
  PolicySchema,
  PrincipalSchema,
} from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { UriTemplateMatchConfigSchema } from "../../xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import type { StringMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/string_pb.js";
import type { ValueMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/value_pb.js";
import type { AuthorizationRule } from "./config-types.ts";
import { any } from "./proto.ts";

type Permission = MessageInitShape<typeof PermissionSchema>;
type Principal = MessageInitShape<typeof PrincipalSchema>;
type StringMatcher = MessageInitShape<typeof StringMatcherSchema>;

/** What a rule is made for. Conditions on requests can't hold on a TCP connection. */
export interface RuleContext {
  readonly forTcp: boolean;
  /** ALLOW rules that can't be expressed are dropped whole; the others only lose the condition, so that they deny more. */
  readonly isAllow: boolean;
  /** Namespace of the policy: service accounts without one are of it. */
  readonly namespace: string;
  /** The mesh's trust domains, own first. */
  readonly trustDomains: readonly string[];
}

/** Thrown inside for a condition that can't be expressed where it stands. */
class Inexpressible extends Error {
  override readonly name = "Inexpressible";
}

interface Condition<T> {
  readonly values: readonly string[];
  readonly notValues: readonly string[];
  matcher(value: string): T;
}

/** A rule as RBAC policy; undefined when it can't hold for this kind of connection. */
export function rbacPolicy(
  rule: AuthorizationRule,
  context: RuleContext,
): MessageInitShape<typeof PolicySchema> | undefined {
  try {
    const [permissions, principals] = whenConditions(rule, context);
    const to = rule.to ?? [];
    const from = rule.from ?? [];
    return {
      permissions: (to.length > 0 ? to : [{}]).map(({ operation = {} }) =>
        allPermissions([...operationConditions(operation, context), ...permissions], context),
      ),
      principals: (from.length > 0 ? from : [{}]).map(({ source = {} }) =>
        allPrincipals([...sourceConditions(source, context), ...principals], context),
      ),
    };
  } catch (reason) {
    if (reason instanceof Inexpressible) return undefined;
    throw reason;
  }
}

type Operation = NonNullable<NonNullable<AuthorizationRule["to"]>[number]["operation"]>;
type Source = NonNullable<NonNullable<AuthorizationRule["from"]>[number]["source"]>;

function operationConditions(operation: Operation, context: RuleContext): Condition<Permission>[] {
  return [
    condition(operation.hosts, operation.notHosts, (value) => httpOnly(context, hostPermission(value))),
    condition(operation.methods, operation.notMethods, (value) =>
      httpOnly(context, { rule: { case: "header", value: header(":method", value) } }),
    ),
    condition(operation.paths, operation.notPaths, (value) => httpOnly(context, pathPermission(value))),
    condition(operation.ports, operation.notPorts, portPermission),
  ];
}

function sourceConditions(source: Source, context: RuleContext): Condition<Principal>[] {
  return [
    condition(expand(source.principals, context), expand(source.notPrincipals, context), identity),
    condition(source.requestPrincipals, source.notRequestPrincipals, (value) =>
      httpOnly(context, requestPrincipal(value)),
    ),
    condition(source.serviceAccounts, source.notServiceAccounts, (value) => serviceAccount(value, context)),
    condition(
      expandDomains(source.trustDomains, context),
      expandDomains(source.notTrustDomains, context),
      trustDomain,
    ),
    condition(source.namespaces, source.notNamespaces, namespace),
    condition(source.remoteIpBlocks, source.notRemoteIpBlocks, (value) => ({
      identifier: { case: "remoteIp", value: range(value) },
    })),
    condition(source.ipBlocks, source.notIpBlocks, (value) => ({
      identifier: { case: "directRemoteIp", value: range(value) },
    })),
  ];
}

function whenConditions(
  rule: AuthorizationRule,
  context: RuleContext,
): [Condition<Permission>[], Condition<Principal>[]] {
  const permissions: Condition<Permission>[] = [];
  const principals: Condition<Principal>[] = [];
  for (const { key, values, notValues } of rule.when ?? []) {
    const permission = (matcher: (value: string) => Permission) =>
      permissions.push(condition(values, notValues, matcher));
    const principal = (matcher: (value: string) => Principal) =>
      principals.push(condition(values, notValues, matcher));
    const inBrackets = /^(request\.headers|request\.auth\.claims)\[(.+)\]$/.exec(key);
    if (key === "destination.ip")
      permission((value) => ({ rule: { case: "destinationIp", value: range(value) } }));
    else if (key === "destination.port") permission(portPermission);
    else if (key === "connection.sni")
      permission((value) => ({ rule: { case: "requestedServerName", value: stringMatcher(value) } }));
    else if (key === "source.ip")
      principal((value) => ({ identifier: { case: "directRemoteIp", value: range(value) } }));
    else if (key === "remote.ip")
      principal((value) => ({ identifier: { case: "remoteIp", value: range(value) } }));
    else if (key === "source.namespace") principal(namespace);
    else if (key === "source.serviceAccount") principal((value) => serviceAccount(value, context));
    else if (key === "source.trustDomain")
      principals.push(
        condition(expandDomains(values, context), expandDomains(notValues, context), trustDomain),
      );
    else if (key === "source.principal")
      principals.push(condition(expand(values, context), expand(notValues, context), identity));
    else if (key === "request.auth.principal")
      principal((value) => httpOnly(context, requestPrincipal(value)));
    else if (key === "request.auth.audiences")
      principal((value) => httpOnly(context, claim(["aud"], stringMatcher(value), true)));
    else if (key === "request.auth.presenter")
      principal((value) => httpOnly(context, claim(["azp"], stringMatcher(value), true)));
    else if (inBrackets?.[1] === "request.headers") {
      const name = inBrackets[2] ?? "";
      principal((value) => httpOnly(context, { identifier: { case: "header", value: header(name, value) } }));
    } else if (inBrackets !== null) {
      const path = (inBrackets[2] ?? "").split("][");
      principal((value) => httpOnly(context, claim(path, stringMatcher(value), true)));
    } else if (key.startsWith("experimental.envoy.filters.")) {
      permission((value) => ({ rule: { case: "metadata", value: filterMetadata(key, value) } }));
    } else throw new Inexpressible(`unknown attribute ${key}`);
  }
  return [permissions, principals];
}

function condition<T>(
  values: readonly string[] = [],
  notValues: readonly string[] = [],
  matcher: (value: string) => T,
): Condition<T> {
  return { values, notValues, matcher };
}

function httpOnly<T>({ forTcp }: RuleContext, value: T): T {
  if (forTcp) throw new Inexpressible("requests are not seen on TCP connections");
  return value;
}

/** Makes one matcher per value; in rules that don't allow, those that can't be made are left out. */
function matchers<T>(
  values: readonly string[],
  matcher: (value: string) => T,
  { isAllow }: RuleContext,
): T[] {
  return values.flatMap((value) => {
    try {
      return [matcher(value)];
    } catch (reason) {
      if (reason instanceof Inexpressible && !isAllow) return [];
      throw reason;
    }
  });
}

function allPermissions(conditions: readonly Condition<Permission>[], context: RuleContext): Permission {
  const rules = conditions.flatMap(({ values, notValues, matcher }): Permission[] => {
    const made = matchers(values, matcher, context);
    const not = matchers(notValues, matcher, context);
    return [
      ...(made.length === 0 ? [] : [{ rule: { case: "orRules" as const, value: { rules: made } } }]),
      ...(not.length === 0
        ? []
        : [
            {
              rule: {
                case: "notRule" as const,
                value: { rule: { case: "orRules" as const, value: { rules: not } } },
              },
            },
          ]),
    ];
  });
  return { rule: { case: "andRules", value: { rules: rules.length > 0 ? rules : [anyPermission] } } };
}

function allPrincipals(conditions: readonly Condition<Principal>[], context: RuleContext): Principal {
  const ids = conditions.flatMap(({ values, notValues, matcher }): Principal[] => {
    const made = matchers(values, matcher, context);
    const not = matchers(notValues, matcher, context);
    return [
      ...(made.length === 0 ? [] : [{ identifier: { case: "orIds" as const, value: { ids: made } } }]),
      ...(not.length === 0
        ? []
        : [
            {
              identifier: {
                case: "notId" as const,
                value: { identifier: { case: "orIds" as const, value: { ids: not } } },
              },
            },
          ]),
    ];
  });
  return { identifier: { case: "andIds", value: { ids: ids.length > 0 ? ids : [anyPrincipal] } } };
}

const anyPermission: Permission = { rule: { case: "any", value: true } };
const anyPrincipal: Principal = { identifier: { case: "any", value: true } };

/** Matches nothing: what a policy without rules means. */
export const matchNever: MessageInitShape<typeof PolicySchema> = {
  permissions: [{ rule: { case: "notRule", value: anyPermission } }],
  principals: [{ identifier: { case: "notId", value: anyPrincipal } }],
};

/** Istio's string forms: "*" something, "a*" prefix, "*a" suffix, else exact. `prefix` goes before what is written. */
function stringMatcher(value: string, prefix = ""): StringMatcher {
  if (value === "*") return regex(".+");
  if (value.startsWith("*")) {
    if (prefix === "") return { matchPattern: { case: "suffix", value: value.slice(1) } };
    return regex(`${prefix}.*${quote(value.slice(1))}`);
  }
  if (value.endsWith("*")) return { matchPattern: { case: "prefix", value: prefix + value.slice(0, -1) } };
  return { matchPattern: { case: "exact", value: prefix + value } };
}

const regex = (text: string): StringMatcher => ({
  matchPattern: { case: "safeRegex", value: { regex: text } },
});
const quote = (text: string) => text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");

function header(name: string, value: string) {
  return {
    name,
    headerMatchSpecifier:
      value === "*"
        ? { case: "presentMatch" as const, value: true }
        : { case: "stringMatch" as const, value: stringMatcher(value) },
  };
}

function hostPermission(value: string): Permission {
  const specifier =
    value === "*"
      ? { case: "presentMatch" as const, value: true }
      : { case: "stringMatch" as const, value: { ...stringMatcher(value), ignoreCase: true } };
  return { rule: { case: "header", value: { name: ":authority", headerMatchSpecifier: specifier } } };
}

function pathPermission(value: string): Permission {
  if (value.includes("{*}") || value.includes("{**}")) {
    const pathTemplate = value.replaceAll("{**}", "**").replaceAll("{*}", "*");
    const typedConfig = any(UriTemplateMatchConfigSchema, { pathTemplate });
    return { rule: { case: "uriTemplate", value: { name: "uri-template", typedConfig } } };
  }
  return { rule: { case: "urlPath", value: { rule: { case: "path", value: stringMatcher(value) } } } };
}

function portPermission(value: string): Permission {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Inexpressible(`${value} is no port`);
  return { rule: { case: "destinationPort", value: port } };
}

function range(value: string) {
  const [addressPrefix = "", bits] = value.split("/");
  const prefixLen = Number(bits ?? (addressPrefix.includes(":") ? 128 : 32));
  if (addressPrefix === "" || !Number.isInteger(prefixLen))
    throw new Inexpressible(`${value} is no address range`);
  return { addressPrefix, prefixLen };
}

const authenticated = (principalName: StringMatcher): Principal => ({
  identifier: { case: "authenticated", value: { principalName } },
});
const identity = (value: string) => authenticated(stringMatcher(value, "spiffe://"));

function namespace(value: string): Principal {
  return authenticated(regex(`.*/ns/${value.split("*").map(quote).join(".*")}/.*`));
}

function serviceAccount(value: string, context: RuleContext): Principal {
  const [of = "", name] = value.split("/");
  const [space, account] = name === undefined ? [context.namespace, of] : [of, name];
  return authenticated(regex(`spiffe://.+/ns/${quote(space)}/(.+/|)sa/${quote(account)}(/.+)?`));
}

/** Identities of a trust domain, in which "*" stands for any part. */
function trustDomain(value: string): Principal {
  if (value === "*") return authenticated({ matchPattern: { case: "prefix", value: "spiffe://" } });
  if (!value.includes("*"))
    return authenticated({ matchPattern: { case: "prefix", value: `spiffe://${value}/` } });
  const [head = "", ...rest] = value.split("*");
  return authenticated(regex(`spiffe://${quote(head)}[^/]*${quote(rest.join("*"))}/.*`));
}

/** A trust domain of the mesh means all of the mesh's. */
function expandDomains(values: readonly string[] | undefined, { trustDomains }: RuleContext): string[] {
  return [
    ...new Set((values ?? []).flatMap((value) => (trustDomains.includes(value) ? trustDomains : [value]))),
  ];
}

/** Whether one of two names, of which either may begin or end with "*", means the other. */
function meansSame(a: string, b: string): boolean {
  const covers = (pattern: string, name: string) =>
    (pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1))) || coversEnd(pattern, name);
  return a === b || covers(a, b) || covers(b, a);
}

const coversEnd = (pattern: string, name: string) =>
  pattern.startsWith("*") && name.endsWith(pattern.slice(1));

/** A principal of one of the mesh's trust domains (or of "cluster.local") is meant in all of them. */
function expand(values: readonly string[] | undefined, { trustDomains }: RuleContext): string[] {
  const expanded = (values ?? []).flatMap((value) => {
    const [domain = "", ...rest] = value.split("/");
    if (rest.length !== 4 || domain === "*") return [value];
    const isOurs = domain === "cluster.local" || trustDomains.some((name) => meansSame(domain, name));
    if (!isOurs) return [value];
    return trustDomains.map((name) => (coversEnd(domain, name) ? value : [name, ...rest].join("/")));
  });
  return [...new Set(expanded)];
}

function requestPrincipal(value: string): Principal {
  const slash = value.lastIndexOf("/");
  const [issuer, subject] =
    value === "*"
      ? ["*", "*"]
      : slash >= 0
        ? [value.slice(0, slash), value.slice(slash + 1)]
        : value.startsWith("*")
          ? ["*", value]
          : [value, "*"];
  return {
    identifier: {
      case: "andIds",
      value: {
        ids: [claim(["iss"], stringMatcher(issuer), false), claim(["sub"], stringMatcher(subject), false)],
      },
    },
  };
}

/** What another filter found out: "experimental.envoy.filters.a.b[c]"; a value in brackets is one of a list. */
function filterMetadata(key: string, value: string) {
  const [, filter, name] = /^experimental\.([^[]+)\[(.+)\]$/.exec(key) ?? [];
  if (filter === undefined || name === undefined) throw new Inexpressible(`unknown attribute ${key}`);
  const isList = value.startsWith("[") && value.endsWith("]");
  const path = [{ segment: { case: "key" as const, value: name } }];
  return { filter, path, value: valueMatcher(stringMatcher(isList ? value.slice(1, -1) : value), isList) };
}

function valueMatcher(text: StringMatcher, isList: boolean): MessageInitShape<typeof ValueMatcherSchema> {
  const single = { matchPattern: { case: "stringMatch" as const, value: text } };
  if (!isList) return single;
  return { matchPattern: { case: "listMatch", value: { matchPattern: { case: "oneOf", value: single } } } };
}

/** `mayBeList`: one of a list of values is enough. */
function claim(path: readonly string[], text: StringMatcher, mayBeList: boolean): Principal {
  const value: MessageInitShape<typeof ValueMatcherSchema> = mayBeList
    ? {
        matchPattern: {
          case: "orMatch",
          value: { valueMatchers: [valueMatcher(text, true), valueMatcher(text, false)] },
        },
      }
    : valueMatcher(text, false);
  const segments = ["payload", ...path].map((key) => ({ segment: { case: "key" as const, value: key } }));
  return {
    identifier: {
      case: "metadata",
      value: { filter: "envoy.filters.http.jwt_authn", path: segments, value },
    },
  };
}
