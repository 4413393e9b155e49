import type { CorsPolicy } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { compileStringMatcher, type TextTest } from "../config/string-match.ts";
import type { RequestHead } from "../http/codec.ts";
import { type Headers, header, setHeader } from "../http/headers.ts";
import { fractionTest } from "./fraction.ts";

/** A compiled CORS policy. */
export interface CorsRules {
  readonly enabled: () => boolean;
  readonly origins: readonly TextTest[];
  readonly methods: string;
  readonly headers: string;
  readonly exposes: string;
  readonly maxAge: string;
  readonly credentials: boolean;
  readonly forwardsUnmatched: boolean;
}

/** Compiles a CorsPolicy. Throws ConfigError. */
export function compileCors(policy: CorsPolicy, where: string): CorsRules {
  const fraction = policy.filterEnabled?.defaultValue;
  return {
    enabled: fraction === undefined ? () => true : fractionTest(fraction),
    origins: policy.allowOriginStringMatch.map((matcher) => compileStringMatcher(matcher, where)),
    methods: policy.allowMethods,
    headers: policy.allowHeaders,
    exposes: policy.exposeHeaders,
    maxAge: policy.maxAge,
    credentials: policy.allowCredentials ?? false,
    forwardsUnmatched: policy.forwardNotMatchingPreflights ?? true,
  };
}

/** The origin that a request names; undefined when it names none or the policy is switched off. */
export function requestOrigin(rules: CorsRules, head: RequestHead): string | undefined {
  const origin = header(head.headers, "origin");
  return origin === undefined || origin === "" || !rules.enabled() ? undefined : origin;
}

/** Whether the request asks for permission only. */
export function isPreflight(head: RequestHead): boolean {
  return head.method === "OPTIONS" && header(head.headers, "access-control-request-method") !== undefined;
}

/** The answer's headers to a preflight of an allowed origin. */
export function preflightHeaders(rules: CorsRules, origin: string): Headers {
  const headers: Headers = ["access-control-allow-origin", origin];
  if (rules.credentials) headers.push("access-control-allow-credentials", "true");
  if (rules.methods !== "") headers.push("access-control-allow-methods", rules.methods);
  if (rules.headers !== "") headers.push("access-control-allow-headers", rules.headers);
  if (rules.exposes !== "") headers.push("access-control-expose-headers", rules.exposes);
  if (rules.maxAge !== "") headers.push("access-control-max-age", rules.maxAge);
  return headers;
}

/** Adds what a browser needs to see on the real answer. */
export function addCorsHeaders(rules: CorsRules, origin: string, headers: Headers): void {
  setHeader(headers, "access-control-allow-origin", origin);
  if (rules.credentials) setHeader(headers, "access-control-allow-credentials", "true");
  if (rules.exposes !== "") setHeader(headers, "access-control-expose-headers", rules.exposes);
}
