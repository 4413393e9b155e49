/**
 * proxy: the built-in data plane proxy, configured only by xDS as istiod sends it to Envoy.
 *
 * startProxy takes a node, a way to open ADS streams, secrets and a network, and gives a Proxy: sidecar or
 * gateway. ads/ talks to discovery, config/ keeps what was accepted, listener/ tls/ http1/ http2/ tcp/ serve
 * connections, router/ and cluster/ forward requests, admin/ answers as Envoy's admin interface does.
 *
 * Does not know Kubernetes or the mesh file, and never decides policy: what is not in xDS does not happen.
 */
export { compileStringMatcher, type TextTest } from "./config/string-match.ts";
export type {
  Destination,
  Proxy,
  ProxyNetwork,
  ProxyOptions,
  ProxyState,
  SecretSource,
} from "./contracts.ts";
export { startProxy } from "./start-proxy.ts";
