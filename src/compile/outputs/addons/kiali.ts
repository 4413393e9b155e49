import { createHash } from "node:crypto";
import { formatYaml, type KubeObject, systemNamespace } from "../../../kube/index.ts";
import type { Addon, Cluster } from "../../../mesh/index.ts";
import { addonDeployment, addonService } from "./addon-objects.ts";

const image = "quay.io/kiali/kiali:v2.27";
const name = "kiali";
const port = 20_001;
const metricsPort = 9090;
const readVerbs = ["get", "list", "watch"];

/**
 * Kiali with the names that Istio's samples give it, for whoever reaches it without signing in. A port of the mesh file
 * leads to its pages. It shows its own cluster, with the metrics, traces and dashboards of the add-ons beside it.
 */
export function kialiObjects(addon: Addon, cluster: Cluster): KubeObject[] {
  const { namespace } = addon;
  const labels = { app: name, "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": name };
  const config = formatYaml(kialiConfig(addon, cluster));
  const health = { httpGet: { path: "/kiali/healthz", port } };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace, labels },
      data: { "config.yaml": config },
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name, labels },
      rules: rules(),
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name, labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
    addonDeployment(name, addon, labels, {
      // Kiali reads its configuration when it starts.
      annotations: {
        "isthmus.dev/config": createHash("sha256").update(config).digest("hex").slice(0, 16),
        "prometheus.io/scrape": "true",
        "prometheus.io/port": String(metricsPort),
      },
      spec: {
        serviceAccountName: name,
        containers: [
          {
            name,
            image,
            command: ["/opt/kiali/kiali", "-config", "/kiali-configuration/config.yaml"],
            ports: [
              { name: "api-port", containerPort: port },
              { name: "http-metrics", containerPort: metricsPort },
            ],
            readinessProbe: health,
            livenessProbe: health,
            volumeMounts: [{ name: "kiali-configuration", mountPath: "/kiali-configuration" }],
          },
        ],
        volumes: [{ name: "kiali-configuration", configMap: { name } }],
      },
    }),
    addonService(
      name,
      addon,
      labels,
      [
        { name: "http", port },
        { name: "http-metrics", port: metricsPort },
      ],
      addon.port,
    ),
  ];
}

/** Kiali's configuration (kiali.io, "Kiali CR Reference"), where it differs from its defaults. */
function kialiConfig({ namespace }: Addon, { name: cluster, addons }: Cluster): object {
  const other = (wanted: Addon["name"]) => addons.find((one) => one.name === wanted);
  const [prometheus, grafana, jaeger] = [other("prometheus"), other("grafana"), other("jaeger")];
  return {
    auth: { strategy: "anonymous" },
    deployment: { namespace, instance_name: name, cluster_wide_access: true, view_only_mode: false },
    external_services: {
      istio: { root_namespace: systemNamespace },
      ...(prometheus === undefined
        ? {}
        : { prometheus: { url: `http://prometheus.${prometheus.namespace}:9090` } }),
      grafana:
        grafana === undefined
          ? { enabled: false }
          : { enabled: true, internal_url: `http://grafana.${grafana.namespace}:3000` },
      tracing:
        jaeger === undefined
          ? { enabled: false }
          : {
              enabled: true,
              provider: "jaeger",
              use_grpc: false,
              internal_url: `http://tracing.${jaeger.namespace}`,
            },
    },
    istio_namespace: systemNamespace,
    kubernetes_config: { cluster_name: cluster },
    server: { port, web_root: "/kiali", observability: { metrics: { enabled: true, port: metricsPort } } },
  };
}

/** What Kiali reads, and what its wizards write. */
function rules(): object[] {
  const rule = (apiGroups: readonly string[], resources: readonly string[], verbs: readonly string[]) => ({
    apiGroups,
    resources,
    verbs,
  });
  const writeVerbs = [...readVerbs, "create", "delete", "patch"];
  return [
    rule(
      [""],
      ["configmaps", "endpoints", "namespaces", "pods", "pods/log", "replicationcontrollers", "services"],
      readVerbs,
    ),
    rule([""], ["pods/portforward"], ["create", "post"]),
    rule([""], ["namespaces", "services"], ["patch"]),
    rule(["apps"], ["daemonsets", "deployments", "replicasets", "statefulsets"], [...readVerbs, "patch"]),
    rule(["batch"], ["cronjobs", "jobs"], [...readVerbs, "patch"]),
    rule(["discovery.k8s.io"], ["endpointslices"], readVerbs),
    rule(
      [
        "networking.istio.io",
        "security.istio.io",
        "extensions.istio.io",
        "telemetry.istio.io",
        "gateway.networking.k8s.io",
      ],
      ["*"],
      writeVerbs,
    ),
    rule(["apiextensions.k8s.io"], ["customresourcedefinitions"], readVerbs),
    rule(["admissionregistration.k8s.io"], ["mutatingwebhookconfigurations"], readVerbs),
    rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
    rule(["authorization.k8s.io"], ["selfsubjectaccessreviews"], ["create"]),
  ];
}
