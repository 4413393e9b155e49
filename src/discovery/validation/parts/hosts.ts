import { isIP } from "node:net";
import type { ConfigField } from "../config-field.ts";

const label = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const wildcardLabel = /^(?:\*|(?:\*|\*-)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;

/** Whether `text` is one label of a DNS name (RFC 1123; capitals count as small letters). */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && label.test(text);
}

/** What keeps `text` from being a fully qualified name; undefined when nothing does. A final dot is allowed. */
export function nameProblem(text: string): string | undefined {
  return lengthProblem(text) ?? labelsProblem(text);
}

/** The same for a name whose first label may be a wildcard: "*", "*.example.com", "*-foo.example.com". */
export function wildcardNameProblem(text: string): string | undefined {
  const tooLong = lengthProblem(text);
  if (tooLong !== undefined) return tooLong;
  const dot = text.indexOf(".");
  const first = dot < 0 ? text : text.slice(0, dot);
  if (first.length > 63 || !wildcardLabel.test(first))
    return `domain name ${quoted(text)} invalid (label ${quoted(first)} invalid)`;
  return dot < 0 ? undefined : labelsProblem(text.slice(dot + 1));
}

function lengthProblem(text: string): string | undefined {
  if (text === "") return "empty domain name not allowed";
  return text.length > 255 ? `domain name ${quoted(text)} too long (max 255)` : undefined;
}

function labelsProblem(text: string): string | undefined {
  const labels = text.split(".");
  const last = labels.at(-1) ?? "";
  if (/^[-+]?\d+$/.test(last))
    return `domain name ${quoted(text)} invalid (top level domain ${quoted(last)} cannot be all-numeric)`;
  const wrong = labels.find((one, i) => !isDnsLabel(one) && !(i === labels.length - 1 && one === ""));
  return wrong === undefined
    ? undefined
    : `domain name ${quoted(text)} invalid (label ${quoted(wrong)} invalid)`;
}

const generatedSni = /^outbound_\.?\d[^_]*_[^_]*_\.?[a-zA-Z]/;

/**
 * The same for a host of a VirtualService that only gateways use, where the names that AUTO_PASSTHROUGH makes are
 * allowed too: "outbound_.80_._.web.sample.svc.cluster.local".
 */
export function gatewayNameProblem(text: string): string | undefined {
  if (!text.startsWith("outbound_")) return wildcardNameProblem(text);
  return generatedSni.test(text)
    ? undefined
    : `domain name ${quoted(text)} invalid: it should have the form outbound_.PORT_._.HOSTNAME`;
}

/** "foo*.example.com": Istio's proxies know wildcards only as a whole first label. */
export function partialWildcardProblem(host: string): string | undefined {
  return host.includes("*") && host.length > 1 && !host.startsWith("*.")
    ? `partial wildcard ${quoted(host)} not allowed`
    : undefined;
}

/** A host of a Gateway ("host" or "namespace/host", or an address) or of a Sidecar's egress listener ("namespace/host"). */
export function checkNamespacedHost(field: ConfigField, of: "gateway" | "sidecar"): void {
  const slash = field.text.indexOf("/");
  if (slash < 0) {
    if (of === "gateway") checkHostPart(field, field.text, of);
    else field.error("host must be of form namespace/dnsName");
    return;
  }
  const written = field.text.slice(0, slash);
  const host = field.text.slice(slash + 1);
  const namespace = of === "sidecar" ? written.replace(/^~/, "") : written;
  if (written === "" || host === "")
    field.error("config namespace and dnsName in host entry cannot be empty");
  else if (namespace !== "" && namespace !== "*" && namespace !== "." && !isDnsLabel(namespace))
    field.error(`invalid namespace value ${quoted(written)} in ${of}`);
  checkHostPart(field, host, of);
}

function checkHostPart(field: ConfigField, host: string, of: "gateway" | "sidecar"): void {
  if (host !== "*" && !host.includes(".") && isIP(host) === 0)
    field.error("short names (non FQDN) are not allowed");
  const problem = wildcardNameProblem(host);
  if (problem !== undefined && !(of === "gateway" && isIP(host) !== 0)) field.error(problem);
  const partial = partialWildcardProblem(host);
  if (partial !== undefined) field.error(partial);
}

/** As errors quote what somebody wrote. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
