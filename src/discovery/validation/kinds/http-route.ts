import { STATUS_CODES } from "node:http";
import { grpcStatuses } from "../../grpc-statuses.ts";
import type { ConfigField } from "../config-field.ts";
import { checkDestination, checkWeightedDestinations } from "../parts/destinations.ts";
import { checkGatewayNames } from "../parts/gateway-names.ts";
import { checkCorsHeader, checkHeaderOperations, checkMatchedHeader, isAuthority } from "../parts/headers.ts";
import { isDnsLabel, quoted } from "../parts/hosts.ts";
import { checkLabels } from "../parts/labels.ts";
import { checkRegex, checkStringMatch } from "../parts/string-match.ts";
import { checkDuration, checkFraction, checkPort } from "../parts/values.ts";

/** One of a VirtualService's http routes; `isDelegate`: another VirtualService delegates to it. */
export function checkHttpRoute(route: ConfigField, isDelegate: boolean): void {
  checkActions(route, isDelegate);
  for (const match of route.field("match").items) checkMatch(match);
  checkHeaderOperations(route.field("headers"));
  checkCors(route.field("corsPolicy"));
  checkFault(route.field("fault"));
  checkMirrors(route);
  checkRedirect(route.field("redirect"), route.field("match"));
  checkDirectResponse(route.field("directResponse"));
  checkRetries(route.field("retries"));
  checkRewrite(route.field("rewrite"));
  checkAuthorityOnce(route);
  checkWeightedDestinations(route.field("route"));
  for (const destination of route.field("route").items) checkHeaderOperations(destination.field("headers"));
  checkDuration(route.field("timeout"));
}

/** A request is answered in one way only. */
function checkActions(route: ConfigField, isDelegate: boolean): void {
  const has = (name: string) => route.field(name).isSet;
  if (has("delegate")) {
    if (isDelegate) route.field("delegate").error("delegate HTTP route cannot contain delegate");
    else {
      for (const name of ["redirect", "route"] as const)
        if (has(name))
          route.field(name).error(`root HTTP route ${routeName(route)} must not specify ${name}`);
      return;
    }
  }
  const action = has("redirect") ? "redirect" : has("directResponse") ? "directResponse" : undefined;
  if (action !== undefined) {
    const named = action === "redirect" ? "redirect" : "direct_response";
    const others = [
      ["route", "HTTP route", route.field("route").items.length > 0],
      ["fault", "HTTP route", has("fault")],
      ["rewrite", "HTTP route rule", has("rewrite")],
      ["directResponse", "HTTP route rule", action === "redirect" && has("directResponse")],
    ] as const;
    for (const [name, what, isThere] of others) {
      const other = name === "directResponse" ? "direct_response" : name;
      if (isThere) route.field(name).error(`${what} cannot contain both ${other} and ${named}`);
    }
  } else if (route.field("route").items.length === 0)
    route.error("HTTP route, redirect or direct_response is required");
  if (has("mirror") && route.field("mirrors").items.length > 0)
    route.field("mirrors").error("HTTP route cannot contain both mirror and mirrors");
}

function routeName(route: ConfigField): string {
  return route.field("name").text;
}

function checkMatch(match: ConfigField): void {
  for (const [name, header] of match.field("headers").entries) {
    checkMatchedHeader(header, name);
    checkStringMatch(header);
  }
  for (const [name, header] of match.field("withoutHeaders").entries) {
    checkMatchedHeader(header, name);
    // "*" is no regular expression of RE2; it stands for a header that is there.
    if (header.field("regex").text !== "*") checkStringMatch(header);
  }
  checkStringMatch(match.field("uri"), { mayBeEmptyPrefix: true });
  for (const name of ["scheme", "method", "authority"] as const) checkStringMatch(match.field(name));
  for (const [, parameter] of match.field("queryParams").entries) checkStringMatch(parameter);
  if (match.field("port").number !== 0) checkPort(match.field("port"));
  checkLabels(match.field("sourceLabels"));
  checkGatewayNames(match.field("gateways"));
  const namespace = match.field("sourceNamespace");
  if (namespace.text !== "" && !isDnsLabel(namespace.text))
    namespace.error(`sourceNamespace match ${namespace.text} is invalid`);
}

const corsMethods = new Set("GET HEAD POST PUT PATCH DELETE CONNECT OPTIONS TRACE *".split(" "));

function checkCors(policy: ConfigField): void {
  for (const origin of policy.field("allowOrigins").items) {
    if (["exact", "prefix", "regex"].every((name) => origin.field(name).text === ""))
      origin.error("'' is not a valid match type for CORS allow origins");
    else if (origin.field("regex").isSet) checkRegex(origin.field("regex"));
  }
  for (const method of policy.field("allowMethods").items)
    if (!corsMethods.has(method.text)) method.error(`${quoted(method.text)} is not a supported HTTP method`);
  for (const header of policy.field("allowHeaders").items) checkCorsHeader(header);
  for (const header of policy.field("exposeHeaders").items) checkCorsHeader(header);
  const age = policy.field("maxAge");
  checkDuration(age);
  if (/\d(?:ms|us|µs|ns)$/.test(age.text) && !/000ms$/.test(age.text))
    age.error("max_age duration is accurate only to seconds precision");
}

function checkFault(fault: ConfigField): void {
  if (!fault.isSet) return;
  const abort = fault.field("abort");
  const delay = fault.field("delay");
  if (!abort.isSet && !delay.isSet) fault.error("HTTP fault injection must have an abort and/or a delay");
  if (abort.isSet) {
    checkFraction(abort.field("percentage"));
    const grpc = abort.field("grpcStatus");
    if (grpc.isSet && !grpcStatuses.includes(grpc.text))
      grpc.error(
        `gRPC status ${quoted(grpc.text)} is not supported. See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md for a list of supported codes, for example 'NOT_FOUND'`,
      );
    if (abort.field("httpStatus").isSet) checkHttpStatus(abort.field("httpStatus"));
    if (!["grpcStatus", "http2Error", "httpStatus"].some((name) => abort.field(name).isSet))
      abort.warn("abort configured, but error type not set");
  }
  checkFraction(delay.field("percentage"));
  checkDuration(delay.field("fixedDelay"));
}

function checkHttpStatus(status: ConfigField): void {
  if (status.number < 200 || status.number > 600)
    status.error(`HTTP status ${status.number} is not in range 200-599`);
}

function checkMirrors(route: ConfigField): void {
  for (const name of ["mirrorPercent", "mirror_percent"] as const) {
    const percent = route.field(name);
    if (percent.number > 100)
      percent.error(`mirror_percent must have a max value of 100 (it has ${percent.number})`);
    if (percent.isSet)
      percent.warn('using deprecated setting "mirrorPercent", use "mirrorPercentage" instead');
  }
  checkMirrorShare(route.field("mirrorPercentage"), "mirror_percentage");
  checkDestination(route.field("mirror"));
  for (const mirror of route.field("mirrors").items) {
    const destination = mirror.field("destination");
    if (!destination.isSet) destination.error("destination is required for mirrors");
    checkDestination(destination);
    checkMirrorShare(mirror.field("percentage"), "mirror percentage");
  }
}

function checkMirrorShare(percentage: ConfigField, what: string): void {
  const value = percentage.field("value");
  if (value.number > 100) value.error(`${what} must have a max value of 100 (it has ${value.number})`);
  if (value.number < 0) value.error(`${what} must have a min value of 0 (it has ${value.number})`);
}

function checkRedirect(redirect: ConfigField, matches: ConfigField): void {
  if (!redirect.isSet) return;
  const has = (name: string) => redirect.field(name).text !== "";
  if (has("uri") && has("prefixRewrite"))
    redirect.error("redirect may only specify one of uri or prefix_rewrite");
  if (has("prefixRewrite")) {
    const isOther = matches.items.some((match) => {
      const uri = match.field("uri");
      return uri.isSet && !uri.field("prefix").isSet;
    });
    if (isOther)
      redirect
        .field("prefixRewrite")
        .error("redirect prefix_rewrite requires all URI matches to use prefix match type");
  }
  const port = redirect.field("port");
  const isSaid =
    ["uri", "prefixRewrite", "authority", "scheme"].some(has) ||
    port.isSet ||
    redirect.field("derivePort").isSet;
  if (!isSaid) redirect.error("redirect must specify URI, authority, scheme, or port");
  const code = redirect.field("redirectCode");
  if (code.number !== 0 && (code.number < 300 || code.number > 399))
    code.error(`${code.number} is not a valid redirect code, must be 3xx`);
  const scheme = redirect.field("scheme");
  if (scheme.text !== "" && scheme.text !== "http" && scheme.text !== "https")
    scheme.error('invalid redirect scheme, must be "http" or "https"');
  if (port.number !== 0) checkPort(port);
}

const megabyte = 1024 * 1024;
const largeBody = 100 * 1024;

function checkDirectResponse(response: ConfigField): void {
  if (!response.isSet) return;
  const body = response.field("body");
  const size = Math.max(
    Buffer.byteLength(body.field("string").text),
    Buffer.byteLength(body.field("bytes").text, "base64"),
  );
  if (size > megabyte)
    body.error("large direct_responses may impact control plane performance, must be less than 1MB");
  else if (size > largeBody) body.warn("large direct_responses may impact control plane performance");
  checkHttpStatus(response.field("status"));
}

const retryReasons = new Set(
  (
    "5xx gateway-error reset reset-before-request connect-failure retriable-4xx refused-stream retriable-status-codes " +
    "retriable-headers envoy-ratelimited http3-post-connect-failure cancelled deadline-exceeded internal " +
    "resource-exhausted unavailable"
  ).split(" "),
);

function checkRetries(retries: ConfigField): void {
  if (!retries.isSet) return;
  const attempts = retries.field("attempts");
  if (attempts.number < 0) attempts.error("attempts cannot be negative");
  const isConfigured =
    retries.field("perTryTimeout").isSet ||
    retries.field("retryOn").text !== "" ||
    retries.field("retryRemoteLocalities").isSet;
  if (attempts.number === 0 && isConfigured)
    retries.error("http retry policy configured when attempts are set to 0 (disabled)");
  checkDuration(retries.field("perTryTimeout"));
  checkDuration(retries.field("backoff"));
  const retryOn = retries.field("retryOn");
  for (const reason of retryOn.text === "" ? [] : retryOn.text.split(",")) {
    const isStatus = /^\d+$/.test(reason) && STATUS_CODES[reason] !== undefined;
    if (!isStatus && !retryReasons.has(reason))
      retryOn.error(`${quoted(reason)} is not a valid retryOn policy`);
  }
}

function checkRewrite(rewrite: ConfigField): void {
  if (!rewrite.isSet) return;
  const regex = rewrite.field("uriRegexRewrite");
  const hasUri = rewrite.field("uri").text !== "";
  if (hasUri && regex.isSet) rewrite.error("rewrite may only contain one of URI or UriRegexRewrite");
  if (!hasUri && !regex.isSet && rewrite.field("authority").text === "")
    rewrite.error("rewrite must specify at least one of URI, UriRegexRewrite, or authority");
  if (!regex.isSet) return;
  if (regex.field("match").text === "" || regex.field("rewrite").text === "")
    regex.error("UriRegexRewrite requires both Rewrite and Match fields to be specified");
  else checkRegex(regex.field("match"));
}

/** A rewrite and the headers of a request may set its authority, but only one of them. */
function checkAuthorityOnce(route: ConfigField): void {
  let current = route.field("rewrite").field("authority").text;
  for (const operation of ["set", "add"] as const) {
    for (const [name, value] of route.field("headers").field("request").field(operation).entries) {
      if (!isAuthority(name)) continue;
      if (current !== "")
        value.error(
          `authority header cannot be set multiple times: have ${quoted(current)}, attempting to set ${quoted(value.text)}`,
        );
      current = value.text;
    }
  }
}
