import { createHash } from "node:crypto";
import path from "node:path/posix";
import { formatYaml, type KubeObject } from "../../../kube/index.ts";
import type { Addon, Cluster } from "../../../mesh/index.ts";
import type { ManifestContent } from "../../manifests/manifest-content.ts";
import { addonDeployment, addonService } from "./addon-objects.ts";

const image = "docker.io/grafana/grafana:12.0.1";
const name = "grafana";
const port = 3000;
const dashboardsFolder = "/var/lib/grafana/dashboards/mesh";

/**
 * Grafana with the names that Istio's samples give it, for whoever reaches it without signing in: with the mesh file's
 * dashboards, and Prometheus of the same cluster behind them. A port of the mesh file leads to its pages.
 */
export function grafanaObjects(addon: Addon, cluster: Cluster, content: ManifestContent): KubeObject[] {
  const { namespace } = addon;
  const labels = { "app.kubernetes.io/name": name };
  const prometheus = cluster.addons.find((other) => other.name === "prometheus");
  const config = {
    "grafana.ini": ini,
    "datasources.yaml": formatYaml(datasources(prometheus)),
    "dashboardproviders.yaml": formatYaml(providers),
  };
  const dashboards = Object.fromEntries(
    addon.dashboards.map((file) => [path.basename(file), content.dashboards.get(file) ?? "{}"]),
  );
  const configFile = (file: string, to: string) => ({ name: "config", mountPath: to, subPath: file });
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels }, data: config },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${name}-dashboards`, namespace, labels },
      data: dashboards,
    },
    addonDeployment(name, addon, labels, {
      // Grafana reads its configuration when it starts.
      annotations: {
        "isthmus.dev/config": createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 16),
      },
      spec: {
        serviceAccountName: name,
        containers: [
          {
            name,
            image,
            ports: [{ name: "grafana", containerPort: port }],
            readinessProbe: { httpGet: { path: "/api/health", port } },
            livenessProbe: { httpGet: { path: "/api/health", port } },
            volumeMounts: [
              configFile("grafana.ini", "/etc/grafana/grafana.ini"),
              configFile("datasources.yaml", "/etc/grafana/provisioning/datasources/datasources.yaml"),
              configFile(
                "dashboardproviders.yaml",
                "/etc/grafana/provisioning/dashboards/dashboardproviders.yaml",
              ),
              { name: "dashboards", mountPath: dashboardsFolder },
              { name: "storage", mountPath: "/var/lib/grafana" },
            ],
          },
        ],
        volumes: [
          { name: "config", configMap: { name } },
          { name: "dashboards", configMap: { name: `${name}-dashboards` } },
          { name: "storage", emptyDir: {} },
        ],
      },
    }),
    addonService(name, addon, labels, [{ name: "service", port }], addon.port),
  ];
}

const ini = `[auth]
disable_login_form = true
[auth.anonymous]
enabled = true
org_role = Admin
[analytics]
check_for_updates = false
reporting_enabled = false
`;

function datasources(prometheus: Addon | undefined): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 1,
    datasources:
      prometheus === undefined
        ? []
        : [
            {
              name: "Prometheus",
              uid: "prometheus",
              type: "prometheus",
              access: "proxy",
              isDefault: true,
              url: `http://prometheus.${prometheus.namespace}:9090`,
            },
          ],
  };
}

const providers = {
  apiVersion: 1,
  providers: [{ name: "mesh", folder: "mesh", type: "file", options: { path: dashboardsFolder } }],
};
