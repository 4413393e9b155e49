import { isIP } from "node:net";
import type { ConfigField } from "../config-field.ts";
import { quoted } from "./hosts.ts";
import { isSubnet } from "./values.ts";

// The values of AuthorizationPolicy's rules; conditions (`when`) use the same forms.

export function checkNoEmpty(values: readonly ConfigField[]): void {
  for (const value of values) if (value.text === "") value.error("empty value not allowed");
}

/** Addresses and ranges. */
export function checkAddresses(values: readonly ConfigField[]): void {
  for (const value of values) {
    if (value.text.includes("/")) {
      if (!isSubnet(value.text)) value.error(`bad CIDR range (${value.text})`);
    } else if (isIP(value.text) === 0) value.error(`bad IP address (${value.text})`);
  }
}

/** Ports, which are texts here. */
export function checkPorts(values: readonly ConfigField[]): void {
  for (const value of values)
    if (!/^\d+$/.test(value.text) || Number(value.text) > 65_535) value.error(`bad port (${value.text})`);
}

const mostAccounts = 16;
const longestAccount = 320;

/** "account" or "namespace/account". */
export function checkServiceAccounts(field: ConfigField): void {
  if (field.items.length > mostAccounts) field.error(`may not have more than ${mostAccounts} values`);
  for (const value of field.items) {
    const parts = value.text.split("/");
    if (value.text === "") value.error("empty value not allowed");
    else if (value.text.includes("*")) value.error("wildcard not allowed");
    else if (value.text.length > longestAccount)
      value.error(`value cannot exceed ${longestAccount} characters, found ${quoted(value.text)}`);
    else if (parts.length > 2 || parts.includes(""))
      value.error(
        `expected format 'serviceAccount' or 'namespace/serviceAccount', found ${quoted(value.text)}`,
      );
  }
}

/** Texts with at most one "*", at their start or end. */
export function checkWildcards(values: readonly ConfigField[]): void {
  for (const value of values) {
    const stars = value.text.split("*").length - 1;
    if (value.text === "") value.error("empty value not allowed");
    else if (stars > 1) value.error(`at most one wildcard is allowed, found ${quoted(value.text)}`);
    else if (stars === 1 && !value.text.startsWith("*") && !value.text.endsWith("*"))
      value.error(`wildcard is only allowed at the start or end, found ${quoted(value.text)}`);
  }
}

export function checkTrustDomains(values: readonly ConfigField[]): void {
  checkWildcards(values);
  for (const value of values)
    if (value.text.includes("/"))
      value.error(`trust domain must not contain '/', found ${quoted(value.text)}`);
}

const segment = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/;

/** Paths, in which the segments "{*}" and, as the last of them, "{**}" stand for any. */
export function checkPaths(values: readonly ConfigField[]): void {
  for (const value of values) {
    const parts = value.text.replace(/^\/+|\/+$/g, "").split("/");
    const isTemplate = value.text.includes("{*}") || value.text.includes("{**}");
    let isEnded = false;
    for (const part of parts) {
      const isOperator = part === "{*}" || part === "{**}";
      if (isOperator && isEnded) {
        value.error(`invalid or unsupported path ${value.text}: {**} is not the last operator`);
        break;
      }
      isEnded ||= part === "{**}";
      if (!isOperator && /[{}]/.test(part)) {
        value.error(
          `invalid or unsupported path ${value.text}: contains '{' or '}' beyond a supported path template`,
        );
        break;
      }
      if (isTemplate && !isOperator && !segment.test(part)) {
        value.error(`invalid or unsupported path ${value.text}: segment ${quoted(part)} is no literal`);
        break;
      }
    }
  }
}
