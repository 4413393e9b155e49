import type { KubeObject } from "../../../kube/index.ts";
import type { OpenWebuiValues } from "./values.ts";

/**
 * What the chart open-webui installs, with its names, labels and ports: the page as a StatefulSet with a volume, or as a
 * Deployment without, its Service, and the server for pipelines.
 */
export function openWebuiObjects(values: OpenWebuiValues): readonly KubeObject[] {
  const { name, fullname, namespace, service, persistence, pipelines } = values;
  const labels = labelsOf(values, "open-webui");
  return [
    account(name, namespace, labels),
    ...(persistence.enabled && persistence.existingClaim === "" ? [claim(values, labels)] : []),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: fullname,
        namespace,
        labels: { ...labels, ...service.labels },
        annotations: service.annotations,
      },
      spec: {
        type: service.type,
        selector: selectorOf(labels),
        ports: [
          {
            name: "http",
            protocol: "TCP",
            port: service.port,
            targetPort: "http",
            ...(service.nodePort === undefined ? {} : { nodePort: service.nodePort }),
          },
        ],
      },
    },
    workload(values, labels),
    ...(pipelines.enabled ? pipelinesObjects(values) : []),
  ];
}

type Labels = Readonly<Record<string, string>>;

function labelsOf({ name, release }: OpenWebuiValues, component: string): Labels {
  return {
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/instance": release,
    "app.kubernetes.io/component": component,
    "app.kubernetes.io/managed-by": "isthmus",
  };
}

function selectorOf(labels: Labels): Labels {
  const names = ["instance", "component"].map((name) => `app.kubernetes.io/${name}`);
  return Object.fromEntries(names.map((name) => [name, labels[name] ?? ""]));
}

function account(name: string, namespace: string, labels: Labels): KubeObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } };
}

function claim({ name, namespace, persistence }: OpenWebuiValues, labels: Labels): KubeObject {
  const { accessModes, size, storageClass } = persistence;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace, labels },
    spec: {
      accessModes: accessModes.length === 0 ? ["ReadWriteOnce"] : accessModes,
      resources: { requests: { storage: size } },
      ...(storageClass === "" ? {} : { storageClassName: storageClass }),
    },
  };
}

function workload(values: OpenWebuiValues, labels: Labels): KubeObject {
  const { name, namespace, persistence, service } = values;
  const { enabled: isStateful, existingClaim } = persistence;
  return {
    apiVersion: "apps/v1",
    kind: isStateful ? "StatefulSet" : "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      replicas: values.replicas,
      ...(isStateful ? { serviceName: name } : {}),
      selector: { matchLabels: selectorOf(labels) },
      template: {
        metadata: { labels: { ...labels, ...values.podLabels }, annotations: values.podAnnotations },
        spec: {
          serviceAccountName: name,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          ...values.placement,
          containers: [
            {
              name: "open-webui",
              image: values.image,
              ports: [{ name: "http", containerPort: service.containerPort }],
              env: [...modelServers(values), ...values.extraEnvVars],
              envFrom: values.extraEnvFrom,
              resources: values.resources,
              volumeMounts: [{ name: "data", mountPath: "/app/backend/data" }],
            },
          ],
          volumes: [
            {
              name: "data",
              ...(isStateful
                ? { persistentVolumeClaim: { claimName: existingClaim === "" ? name : existingClaim } }
                : { emptyDir: {} }),
            },
          ],
        },
      },
    },
  };
}

/** One server has a variable of its own, several have a list. */
function modelServers({ openaiUrls }: OpenWebuiValues): readonly object[] {
  if (openaiUrls === undefined) return [{ name: "ENABLE_OPENAI_API", value: "False" }];
  if (openaiUrls.length === 0) return [];
  return [
    openaiUrls.length === 1
      ? { name: "OPENAI_API_BASE_URL", value: openaiUrls[0] }
      : { name: "OPENAI_API_BASE_URLS", value: openaiUrls.join(";") },
  ];
}

function pipelinesObjects(values: OpenWebuiValues): KubeObject[] {
  const { namespace, pipelines } = values;
  const name = "open-webui-pipelines";
  const labels = labelsOf(values, name);
  return [
    account(name, namespace, labels),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace, labels },
      spec: {
        selector: selectorOf(labels),
        ports: [{ name: "http", port: pipelines.port, targetPort: "http" }],
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: selectorOf(labels) },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            containers: [
              { name: "pipelines", image: pipelines.image, ports: [{ name: "http", containerPort: 9099 }] },
            ],
          },
        },
      },
    },
  ];
}
