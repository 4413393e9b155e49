import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { ProxySnapshot } from "../discovery/index.ts";
import { compileStringMatcher } from "../proxy/index.ts";
import { TrafficDirection } from "../xds/gen/envoy/config/core/v3/base_pb.js";
import type { Filter, FilterChain } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  type Permission,
  type Principal,
  type RBAC,
  RBAC_Action as RbacAction,
} from "../xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { RBACSchema as HttpRbacSchema } from "../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { HttpConnectionManagerSchema } from "../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";

/** Whether a caller's requests get in: all, none, or those that a policy's conditions on requests let pass. */
export interface Admission {
  readonly access: "yes" | "some" | "no";
  /** What keeps the rest out: "plaintext is refused", or the name of a policy. */
  readonly reason?: string;
}

/** A connection as it comes to a workload. */
export interface Arrival {
  readonly port: number;
  readonly isHttp: boolean;
  /** "spiffe://…" of a caller over mutual TLS; undefined for plaintext. */
  readonly identity: string | undefined;
}

/** What the proxy of a workload does with a connection, by its listeners and the policies in them. */
export function admit(snapshot: ProxySnapshot, arrival: Arrival): Admission {
  const chains = chainsFor(snapshot, arrival.port);
  const isMutual = arrival.identity !== undefined;
  const fitting = chains.filter(({ transportSocket, filterChainMatch }) =>
    isMutual
      ? transportSocket !== undefined
      : transportSocket === undefined && filterChainMatch?.transportProtocol !== "tls",
  );
  const chain = fitting.find((one) => isHttpChain(one) === arrival.isHttp) ?? fitting[0];
  if (chain === undefined)
    return { access: "no", reason: isMutual ? "mTLS is switched off there" : "plaintext is refused" };
  return policiesOf(chain).reduce<Admission>(
    (before, rules) => {
      const after = judge(rules, arrival);
      return rank[after.access] > rank[before.access] ? after : before;
    },
    { access: "yes" },
  );
}

const rank = { yes: 0, some: 1, no: 2 } as const;

/** The chains of the port; those for every other port when it has none of its own. */
function chainsFor({ listeners }: ProxySnapshot, port: number): readonly FilterChain[] {
  const inbound = [...listeners.values()].filter(
    ({ trafficDirection }) => trafficDirection === TrafficDirection.INBOUND,
  );
  const bound = inbound.find(
    ({ name, address }) =>
      name !== "virtualInbound" &&
      address?.address.case === "socketAddress" &&
      address.address.value.portSpecifier.value === port,
  );
  if (bound !== undefined) return bound.filterChains;
  const all = inbound.flatMap(({ filterChains }) => filterChains);
  const own = all.filter(({ filterChainMatch }) => filterChainMatch?.destinationPort === port);
  return own.length > 0
    ? own
    : all.filter(({ filterChainMatch }) => filterChainMatch?.destinationPort === undefined);
}

const managerName = "envoy.filters.network.http_connection_manager";

function isHttpChain({ filters }: FilterChain): boolean {
  return filters.some(({ name }) => name === managerName);
}

function policiesOf({ filters }: FilterChain): RBAC[] {
  return filters.flatMap((filter) => {
    const network = unpack(filter, NetworkRbacSchema)?.rules;
    const manager = unpack(filter, HttpConnectionManagerSchema);
    const http = (manager?.httpFilters ?? []).flatMap((one) => unpack(one, HttpRbacSchema)?.rules ?? []);
    return [...(network === undefined ? [] : [network]), ...http];
  });
}

function unpack<D extends DescMessage>(
  {
    configType,
  }: {
    readonly configType:
      | Filter["configType"]
      | { readonly case: "isOptional" | "configDiscovery" | undefined; readonly value?: unknown };
  },
  schema: D,
): MessageShape<D> | undefined {
  if (configType.case !== "typedConfig") return undefined;
  const { typeUrl, value } = configType.value as Any;
  return typeUrl === `type.googleapis.com/${schema.typeName}` ? fromBinary(schema, value) : undefined;
}

/** Of a request that nothing more is known of: true, false, or undefined when it depends. */
type Verdict = boolean | undefined;

function judge({ action, policies }: RBAC, arrival: Arrival): Admission {
  if (action === RbacAction.LOG) return { access: "yes" };
  const named = Object.entries(policies).map(([name, policy]) => ({
    name: policyName(name),
    fits: both(
      some(policy.permissions.map((permission) => fitsPermission(permission, arrival))),
      some(policy.principals.map((principal) => fitsPrincipal(principal, arrival))),
    ),
  }));
  const fits = some(named.map((one) => one.fits));
  const allowed = action === RbacAction.ALLOW ? fits : not(fits);
  if (allowed === true) return { access: "yes" };
  const denying = named.find((one) => one.fits === true) ?? named.find((one) => one.fits === undefined);
  const names = [...new Set(named.map(({ name }) => name))].join(", ");
  const reason =
    action === RbacAction.ALLOW ? `not allowed by ${names}` : `denied by ${denying?.name ?? names}`;
  return { access: allowed === undefined ? "some" : "no", reason };
}

/** "AuthorizationPolicy sample/deny" of the name that discovery gives its rules. */
function policyName(name: string): string {
  const [, namespace, policy] = /^ns\[(.*)\]-policy\[(.*)\]-rule\[\d+\]$/.exec(name) ?? [];
  return policy === undefined ? name : `AuthorizationPolicy ${namespace}/${policy}`;
}

function fitsPermission({ rule }: Permission, arrival: Arrival): Verdict {
  switch (rule.case) {
    case "any":
      return rule.value;
    case "andRules":
      return every(rule.value.rules.map((inner) => fitsPermission(inner, arrival)));
    case "orRules":
      return some(rule.value.rules.map((inner) => fitsPermission(inner, arrival)));
    case "notRule":
      return not(fitsPermission(rule.value, arrival));
    case "destinationPort":
      return rule.value === arrival.port;
    default:
      return undefined;
  }
}

function fitsPrincipal({ identifier }: Principal, arrival: Arrival): Verdict {
  switch (identifier.case) {
    case "any":
      return identifier.value;
    case "andIds":
      return every(identifier.value.ids.map((inner) => fitsPrincipal(inner, arrival)));
    case "orIds":
      return some(identifier.value.ids.map((inner) => fitsPrincipal(inner, arrival)));
    case "notId":
      return not(fitsPrincipal(identifier.value, arrival));
    case "authenticated": {
      if (arrival.identity === undefined) return false;
      const { principalName } = identifier.value;
      return principalName === undefined || compileStringMatcher(principalName, "RBAC")(arrival.identity);
    }
    default:
      return undefined;
  }
}

function every(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}

function some(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(true)) return true;
  return verdicts.includes(undefined) ? undefined : false;
}

function both(a: Verdict, b: Verdict): Verdict {
  return every([a, b]);
}

function not(verdict: Verdict): Verdict {
  return verdict === undefined ? undefined : !verdict;
}
