/** What runs beside each proxy: certificate, ADS, interception, readiness. The proxy itself comes from outside. */

export type { AdminAnswer, AgentProxy, AgentSecrets, ProxyStartOptions, StartProxy } from "./contracts.ts";
export { createEnvoyProxies } from "./envoy/envoy-proxies.ts";
export { envoyIn, envoyInstallFolder, findEnvoy } from "./envoy/find-envoy.ts";
export { type InstalledEnvoy, type InstallOptions, installEnvoy } from "./envoy/install-envoy.ts";
export { createProxyStandIn, type ProxyStandInOptions } from "./proxy-stand-in.ts";
export type { Locality } from "./xds-node.ts";
