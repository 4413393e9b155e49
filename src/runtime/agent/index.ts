/** What runs beside each proxy: certificate, ADS, interception, readiness. The proxy itself comes from outside. */
export type { AgentProxy, AgentSecrets, ProxyStartOptions, StartProxy } from "./contracts.ts";
export { createProxyStandIn, type ProxyStandInOptions } from "./proxy-stand-in.ts";
export type { Locality } from "./xds-node.ts";
