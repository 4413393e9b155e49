import { randomUUID } from "node:crypto";
import { isIP } from "node:net";
import type { Downstream, RequestHead } from "../http/codec.ts";
import { dropHeader, dropHeaders, type Headers, header, joinedHeader, setHeader } from "../http/headers.ts";
import type { HttpChain } from "../http/http-chain.ts";
import { hasEscapedSlashes, mergeSlashes, normalizePath, unescapeSlashes } from "../http/path.ts";
import { applyXfcc } from "../http/xfcc.ts";

/** What preparing found out, or the answer that ends the request here. */
export type Prepared =
  | { readonly kind: "go"; readonly clientAddress: string }
  | { readonly kind: "bad-path" }
  | { readonly kind: "redirect"; readonly location: string };

/** Headers by which only a trusted hop may steer the router. */
const steering = new Set([
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-internal",
]);
const edgeOnly = new Set([
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-original-path",
  "x-envoy-original-host",
]);

/**
 * What the connection manager does to a request before routing: path normalization, x-forwarded-*, request id,
 * client certificate, headers that a client must not set.
 */
export function prepareRequest(
  head: RequestHead,
  chain: HttpChain,
  downstream: Downstream,
  xfcc: string | undefined,
): Prepared {
  const problem = preparePath(head, chain);
  if (problem !== undefined) return problem;
  stripPort(head, chain, downstream);
  const { headers } = head;
  const isTls = downstream.tls !== undefined;
  let hasForwarded = false;
  let hasProto = false;
  let hasId = false;
  let hasEnvoy = false;
  let hasTe = false;
  // One pass over the names instead of a search for each.
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (name.charCodeAt(0) !== 0x78) {
      if (name === "te" && headers[i + 1] !== "trailers") hasTe = true;
      continue;
    }
    if (name === "x-forwarded-for") hasForwarded = true;
    else if (name === "x-forwarded-proto") hasProto = true;
    else if (name === "x-request-id") hasId = true;
    else if (name.startsWith("x-envoy-")) hasEnvoy = true;
  }
  // Codings other than "trailers" are for this hop.
  if (hasTe) dropHeader(headers, "te");
  const before = hasForwarded ? joinedHeader(headers, "x-forwarded-for") : undefined;
  let clientAddress = downstream.remoteAddress;
  let isInternal = false;
  if (chain.useRemoteAddress) {
    if (chain.trustedHops > 0)
      clientAddress = forwardedAddress(before, chain.trustedHops - 1) ?? clientAddress;
    isInternal = before === undefined && (chain.internalAddress?.(clientAddress) ?? false);
    if (!chain.skipXffAppend) {
      setHeader(
        headers,
        "x-forwarded-for",
        before === undefined ? downstream.remoteAddress : `${before},${downstream.remoteAddress}`,
      );
    }
    if (chain.trustedHops === 0 || !hasProto)
      setHeader(headers, "x-forwarded-proto", isTls ? "https" : "http");
  } else {
    const forwarded = forwardedAddress(before, chain.trustedHops);
    if (forwarded !== undefined) clientAddress = forwarded;
    isInternal =
      forwarded !== undefined && !before?.includes(",") && (chain.internalAddress?.(forwarded) ?? false);
    if (!hasProto) headers.push("x-forwarded-proto", isTls ? "https" : "http");
  }
  const proto = chain.useRemoteAddress || hasProto ? header(headers, "x-forwarded-proto") : undefined;
  head.scheme = proto === "https" || proto === "http" ? proto : isTls ? "https" : "http";
  const isEdge = !isInternal && chain.useRemoteAddress;
  if (hasEnvoy) {
    if (isInternal) dropHeader(headers, "x-envoy-internal");
    else dropHeaders(headers, (name) => steering.has(name) || (isEdge && edgeOnly.has(name)));
  }
  if (isEdge) setHeader(headers, "x-envoy-external-address", clientAddress);
  if (isInternal) headers.push("x-envoy-internal", "true");
  if (chain.via !== "") appendVia(headers, chain.via);
  if (chain.generateRequestId) {
    if (!hasId) headers.push("x-request-id", randomUUID());
    else if (isEdge && !chain.preserveRequestId) setHeader(headers, "x-request-id", randomUUID());
  }
  applyXfcc(headers, chain.xfcc, xfcc);
  return { kind: "go", clientAddress };
}

function preparePath(head: RequestHead, chain: HttpChain): Prepared | undefined {
  // A fragment is not for servers, and rules about paths could be gone round with it.
  if (head.path.includes("#")) return { kind: "bad-path" };
  if (chain.escapedSlashes !== "keep" && hasEscapedSlashes(head.path)) {
    if (chain.escapedSlashes === "reject") return { kind: "bad-path" };
    const plain = unescapeSlashes(head.path);
    if (chain.escapedSlashes === "redirect") return { kind: "redirect", location: plain };
    head.path = plain;
  }
  if (chain.normalizePath && head.path !== "") {
    const normal = normalizePath(head.path);
    if (normal === undefined) return { kind: "bad-path" };
    head.path = normal;
  }
  if (chain.mergeSlashes) head.path = mergeSlashes(head.path);
  return undefined;
}

function stripPort(head: RequestHead, chain: HttpChain, downstream: Downstream): void {
  if (chain.stripPort === "no") return;
  const port = /:([0-9]+)$/.exec(head.authority)?.[1];
  if (port === undefined) return;
  if (chain.stripPort === "any" || Number(port) === downstream.localPort) {
    head.authority = head.authority.slice(0, -port.length - 1);
  }
}

/** The address that stands `hops` from the end of x-forwarded-for. */
function forwardedAddress(forwarded: string | undefined, hops: number): string | undefined {
  if (forwarded === undefined) return undefined;
  const addresses = forwarded.split(",");
  const address = addresses[addresses.length - 1 - hops]?.trim();
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}

function appendVia(headers: Headers, via: string): void {
  const before = header(headers, "via");
  setHeader(headers, "via", before === undefined ? via : `${before}, ${via}`);
}
