import { createHash } from "node:crypto";
import { formatYaml, type KubeObject } from "../../../kube/index.ts";
import type { Addon, Cluster } from "../../../mesh/index.ts";
import { addonDeployment, addonService } from "./addon-objects.ts";
import { prometheusConfig } from "./prometheus-config.ts";

const image = "docker.io/prom/prometheus:v3.10.0";
const port = 9090;
const name = "prometheus";

/** Prometheus with the names that Istio's samples give it. A port of the mesh file leads to its page and API. */
export function prometheusObjects(addon: Addon, cluster: Cluster): KubeObject[] {
  const { namespace } = addon;
  const labels = { "app.kubernetes.io/name": name, "app.kubernetes.io/component": "server" };
  const config = formatYaml(prometheusConfig(cluster.name));
  const probe = (path: string) => ({ httpGet: { path, port } });
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace, labels },
      data: { "prometheus.yml": config },
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name, labels },
      rules: [
        {
          apiGroups: [""],
          resources: ["nodes", "nodes/proxy", "nodes/metrics", "services", "endpoints", "pods"],
          verbs: ["get", "list", "watch"],
        },
        {
          apiGroups: ["discovery.k8s.io"],
          resources: ["endpointslices"],
          verbs: ["get", "list", "watch"],
        },
        { nonResourceURLs: ["/metrics"], verbs: ["get"] },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name, labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
    addonDeployment(name, addon, labels, {
      // Prometheus reads its configuration when it starts.
      annotations: { "isthmus.dev/config": createHash("sha256").update(config).digest("hex").slice(0, 16) },
      spec: {
        serviceAccountName: name,
        containers: [
          {
            name: "prometheus-server",
            image,
            args: [
              "--config.file=/etc/config/prometheus.yml",
              "--storage.tsdb.path=/data",
              "--storage.tsdb.retention.time=15d",
            ],
            ports: [{ name: "http", containerPort: port }],
            readinessProbe: probe("/-/ready"),
            livenessProbe: probe("/-/healthy"),
            volumeMounts: [
              { name: "config-volume", mountPath: "/etc/config" },
              { name: "storage-volume", mountPath: "/data" },
            ],
          },
        ],
        volumes: [
          { name: "config-volume", configMap: { name } },
          { name: "storage-volume", emptyDir: {} },
        ],
      },
    }),
    addonService(name, addon, labels, [{ name: "http", port }], addon.port),
  ];
}
