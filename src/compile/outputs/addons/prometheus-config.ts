/** Directory of a pod where its token and the API server's CA lie. */
const account = "/var/run/secrets/kubernetes.io/serviceaccount";

const apiAccess = {
  scheme: "https",
  authorization: { credentials_file: `${account}/token` },
  tls_config: { ca_file: `${account}/ca.crt` },
};

/** Copies a label that discovery found. */
function copy(from: string, to: string) {
  return { source_labels: [from], target_label: to };
}

/** Takes the scheme, path and port of a target from the annotations prometheus.io/... of its object. */
function byAnnotations(object: "pod" | "service") {
  const annotation = (name: string) => `__meta_kubernetes_${object}_annotation_prometheus_io_${name}`;
  return [
    { action: "keep", source_labels: [annotation("scrape")], regex: "true" },
    { source_labels: [annotation("scheme")], regex: "(https?)", target_label: "__scheme__" },
    { source_labels: [annotation("path")], regex: "(.+)", target_label: "__metrics_path__" },
    {
      source_labels: ["__address__", annotation("port")],
      regex: "(.+?)(?::\\d+)?;(\\d+)",
      replacement: "$1:$2",
      target_label: "__address__",
    },
    { action: "labelmap", regex: `__meta_kubernetes_${object}_label_(.+)` },
    copy("__meta_kubernetes_namespace", "namespace"),
  ];
}

/**
 * What Prometheus scrapes in a cluster, as its configuration file says it: API server, containers, and the pods and
 * Services that are annotated prometheus.io/scrape, which all pods with a proxy are.
 */
export function prometheusConfig(cluster: string): Readonly<Record<string, unknown>> {
  return {
    global: { scrape_interval: "15s", scrape_timeout: "10s", external_labels: { cluster } },
    scrape_configs: [
      {
        job_name: "kubernetes-apiservers",
        ...apiAccess,
        kubernetes_sd_configs: [{ role: "endpoints", namespaces: { names: ["default"] } }],
        relabel_configs: [
          {
            action: "keep",
            source_labels: ["__meta_kubernetes_service_name", "__meta_kubernetes_endpoint_port_name"],
            regex: "kubernetes;https",
          },
        ],
      },
      {
        job_name: "kubernetes-nodes-cadvisor",
        ...apiAccess,
        kubernetes_sd_configs: [{ role: "node" }],
        relabel_configs: [
          { action: "labelmap", regex: "__meta_kubernetes_node_label_(.+)" },
          { target_label: "__address__", replacement: "kubernetes.default.svc:443" },
          {
            source_labels: ["__meta_kubernetes_node_name"],
            target_label: "__metrics_path__",
            replacement: "/api/v1/nodes/$1/proxy/metrics/cadvisor",
          },
        ],
      },
      {
        job_name: "kubernetes-pods",
        kubernetes_sd_configs: [{ role: "pod" }],
        relabel_configs: [
          ...byAnnotations("pod"),
          copy("__meta_kubernetes_pod_name", "pod"),
          copy("__meta_kubernetes_pod_node_name", "node"),
          {
            action: "drop",
            source_labels: ["__meta_kubernetes_pod_phase"],
            regex: "Pending|Succeeded|Failed",
          },
        ],
      },
      {
        job_name: "kubernetes-service-endpoints",
        kubernetes_sd_configs: [{ role: "endpoints" }],
        relabel_configs: [
          ...byAnnotations("service"),
          copy("__meta_kubernetes_service_name", "service"),
          copy("__meta_kubernetes_pod_node_name", "node"),
        ],
      },
    ],
  };
}
