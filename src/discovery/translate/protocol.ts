import type { Protocol } from "../../kube/index.ts";

/** Whether requests are seen: HTTP of any version in the clear. */
export function isHttp(protocol: Protocol): boolean {
  return ["http", "http2", "grpc", "grpc-web", "http-proxy"].includes(protocol);
}

/** Whether the upstream speaks HTTP/2 by declaration. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === "http2" || protocol === "grpc" || protocol === "grpc-web";
}

/** Whether the bytes are TLS that the mesh does not open. */
export function isTls(protocol: Protocol): boolean {
  return protocol === "https" || protocol === "tls";
}

/** What kind of listener a port gets: "auto" when the protocol is detected from the first bytes. */
export function listenerKind(protocol: Protocol): "http" | "tcp" | "auto" | "udp" {
  if (protocol === "") return "auto";
  if (protocol === "udp") return "udp";
  return isHttp(protocol) ? "http" : "tcp";
}
