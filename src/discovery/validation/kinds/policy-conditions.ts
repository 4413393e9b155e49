import type { ConfigField } from "../config-field.ts";
import {
  checkAddresses,
  checkNoEmpty,
  checkPorts,
  checkServiceAccounts,
  checkWildcards,
} from "../parts/policy-values.ts";

type CheckValues = (values: ConfigField) => void;

const anything: CheckValues = () => {};

/** The attributes that a condition may be about, and what their values have to be. */
const attributes: Readonly<Record<string, CheckValues>> = {
  "source.ip": ({ items }) => checkAddresses(items),
  "remote.ip": ({ items }) => checkAddresses(items),
  "source.namespace": anything,
  "source.serviceAccount": checkServiceAccounts,
  "source.principal": anything,
  "source.trustDomain": ({ items }) => checkWildcards(items),
  "request.auth.principal": anything,
  "request.auth.audiences": anything,
  "request.auth.presenter": anything,
  "destination.ip": ({ items }) => checkAddresses(items),
  "destination.port": ({ items }) => checkPorts(items),
  "connection.sni": anything,
};

/** Attributes with a name in brackets: "request.headers[User-Agent]". */
const mapAttributes = ["request.headers", "request.auth.claims", "experimental.envoy.filters."];

/** One of a rule's `when`. */
export function checkCondition(condition: ConfigField): void {
  const key = condition.field("key");
  const sides = [condition.field("values"), condition.field("notValues")];
  if (key.text === "") key.error("`key` must not be empty");
  else if (sides.every(({ items }) => items.length === 0))
    condition.error(`at least one of \`values\` or \`notValues\` must be set for key ${key.text}`);
  else {
    for (const side of sides) checkNoEmpty(side.items);
    checkAttribute(key, sides);
  }
}

function checkAttribute(key: ConfigField, sides: readonly ConfigField[]): void {
  const { text } = key;
  const known = Object.hasOwn(attributes, text) ? attributes[text] : undefined;
  if (known !== undefined) for (const side of sides) known(side);
  else if (mapAttributes.some((prefix) => text.startsWith(prefix))) {
    if (!/^[^[]+\[.+\]$/.test(text)) key.error(`bad key (${text}): should have format a[b]`);
  } else if (text === "destination.namespace")
    key.error(`attribute ${text} is replaced by the metadata.namespace`);
  else if (text.startsWith("destination.labels"))
    key.error(`attribute ${text} is replaced by the workload selector`);
  else if (text === "destination.name" || text === "destination.user")
    key.error(`deprecated attribute ${text}: only supported in v1alpha1`);
  else key.error(`unknown attribute: ${text}`);
}
