import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import {
  checkAddresses,
  checkNoEmpty,
  checkPaths,
  checkPorts,
  checkServiceAccounts,
  checkTrustDomains,
} from "../parts/policy-values.ts";
import { checkTargets } from "../parts/targets.ts";
import { checkCondition } from "./policy-conditions.ts";

/** Source fields that say something of a TCP connection; the others need a request. */
const tcpSources = ["principals", "ipBlocks", "namespaces", "remoteIpBlocks", "serviceAccounts"];
const allSources = [...tcpSources, "requestPrincipals", "trustDomains"];
const operations = ["ports", "methods", "paths", "hosts"];

/** A field and its negation: "paths", "notPaths". */
function withNot(name: string): readonly string[] {
  return [name, `not${name[0]?.toUpperCase()}${name.slice(1)}`];
}

/** Checks an AuthorizationPolicy. */
export const checkAuthorizationPolicy: KindCheck = ({ spec }) => {
  checkTargets(spec);
  const action = spec.field("action").text || "ALLOW";
  const rules = spec.field("rules");
  if (action === "DENY" && !rules.isSet) rules.error(meaningless(action));
  if (action === "CUSTOM") checkCustom(spec);
  else if (spec.field("provider").isSet)
    spec.field("provider").error(`\`provider\` must not be with non CUSTOM action, found ${action}`);
  for (const rule of rules.items) {
    checkSources(rule.field("from"));
    checkOperations(rule.field("to"));
    for (const condition of rule.field("when").items) checkCondition(condition);
    if (action === "DENY" && deniesAllTcp(rule))
      rule.warn(
        "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of only HTTP attributes in a DENY rule; it is recommended to explicitly specify the port",
      );
  }
};

function meaningless(action: string): string {
  return `${action} action without \`rules\` is meaningless as it will never be triggered, add an empty rule \`{}\` if you want it be triggered for every request`;
}

/** What a provider decides on a request; who called is not told to it. */
function checkCustom(spec: ConfigField): void {
  const rules = spec.field("rules");
  if (!rules.isSet) rules.error(meaningless("CUSTOM"));
  else if (spec.field("provider").field("name").text === "")
    spec.field("provider").error("`provider.name` must not be empty");
  const hidden = ["namespaces", "serviceAccounts", "trustDomains", "principals", "requestPrincipals"];
  const keys = ["source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"];
  for (const rule of rules.items) {
    for (const from of rule.field("from").items)
      for (const name of hidden.flatMap(withNot)) {
        const field = from.field("source").field(name);
        if (field.items.length > 0)
          field.error(
            `From.${name[0]?.toUpperCase()}${name.slice(1)} is currently not supported with CUSTOM action`,
          );
      }
    for (const condition of rule.field("when").items) {
      const key = condition.field("key");
      if (keys.includes(key.text) || key.text.startsWith("request.auth."))
        key.error(`${key.text} is currently not supported with CUSTOM action`);
    }
  }
}

function checkSources(from: ConfigField): void {
  for (const item of from.items) {
    const source = item.field("source");
    if (!source.isSet) {
      source.error("`from.source` must not be nil");
      continue;
    }
    const says = (names: readonly string[]) =>
      names.flatMap(withNot).some((name) => source.field(name).items.length > 0);
    if (!says(allSources)) source.error("`from.source` must not be empty");
    if (says(["principals", "namespaces"]) && says(["serviceAccounts"]))
      source.error("cannot set serviceAccounts with namespaces or principals");
    for (const name of [...withNot("ipBlocks"), ...withNot("remoteIpBlocks")])
      checkAddresses(source.field(name).items);
    for (const name of ["principals", "requestPrincipals", "namespaces"].flatMap(withNot))
      checkNoEmpty(source.field(name).items);
    for (const name of withNot("serviceAccounts")) checkServiceAccounts(source.field(name));
    for (const name of withNot("trustDomains")) checkTrustDomains(source.field(name).items);
  }
}

function checkOperations(to: ConfigField): void {
  for (const item of to.items) {
    const operation = item.field("operation");
    if (!operation.isSet) {
      operation.error("`to.operation` must not be nil");
      continue;
    }
    if (operations.flatMap(withNot).every((name) => operation.field(name).items.length === 0))
      operation.error("`to.operation` must not be empty");
    for (const name of withNot("ports")) checkPorts(operation.field(name).items);
    for (const name of ["methods", "paths", "hosts"].flatMap(withNot))
      checkNoEmpty(operation.field(name).items);
    for (const name of withNot("paths")) checkPaths(operation.field(name).items);
  }
}

/** A rule about requests denies every connection that carries none, unless it names ports. */
function deniesAllTcp(rule: ConfigField): boolean {
  const sources = rule.field("from").items.map((item) => item.field("source"));
  const targets = rule.field("to").items.map((item) => item.field("operation"));
  const has = (fields: readonly ConfigField[], names: readonly string[]) =>
    fields.some((field) => names.flatMap(withNot).some((name) => field.field(name).isSet));
  return targets.length > 0 ? !has(targets, ["ports"]) : sources.length > 0 && !has(sources, tcpSources);
}
