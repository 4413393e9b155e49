/** What injection takes from istiod's configuration: ConfigMaps `istio` (mesh) and `istio-sidecar-injector` (values). */
export interface InjectionSettings {
  /** MeshConfig as parsed YAML. */
  readonly meshConfig: Readonly<Record<string, unknown>>;
  /** `global` of the chart's values: hub, tag, meshID, network, multiCluster.clusterName … */
  readonly global: Readonly<Record<string, unknown>>;
  readonly revision: string;
  readonly systemNamespace: string;
}

/**
 * Answers one call of the webhook. `path` is the URL's path ("/inject/cluster/ash/net/network2"), `body` the parsed
 * AdmissionReview; gives the AdmissionReview to answer with. Throws RangeError on a body that is none.
 */
export type InjectionHandler = (path: string, body: unknown) => unknown;
