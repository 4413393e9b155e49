import { formatYaml, type KubeObject, serviceNameLabel } from "../../kube/index.ts";
import { injectionWebhooks } from "./injection-webhooks.ts";
import type { IstioValues } from "./istio-values.ts";
import { rule } from "./rbac-rule.ts";
import { validationWebhooks } from "./validation-webhooks.ts";

const readVerbs = ["get", "list", "watch"];
const istioGroups = ["security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io"];

/**
 * What the chart istio/istiod installs, for a primary or (profile remote) for a remote: the same names,
 * labels and ports, so that clients and guides find them. The image is run by the stand-in for pilot.
 */
export function istiodObjects(
  values: IstioValues,
  namespace: string,
  isInstalled: (object: KubeObject) => boolean,
): KubeObject[] {
  const shared = [
    readerRole(values, namespace),
    readerBinding(values, namespace),
    injectorConfig(values, namespace),
    injectionWebhooks(values, namespace),
  ];
  return values.isRemote
    ? [...remoteIstiod(values, namespace), ...shared]
    : [
        serviceAccount(values, namespace),
        clusterRole(values, namespace),
        clusterRoleBinding(values, namespace),
        role(values, namespace),
        roleBinding(values, namespace),
        meshConfigMap(values, namespace),
        ...shared,
        ...validationWebhooks(values, namespace, isInstalled),
        service(values, namespace),
        deployment(values, namespace),
      ];
}

/** "istiod", or "istiod-REVISION". */
export function istiodName({ revision }: IstioValues): string {
  return revision === "" ? "istiod" : `istiod-${revision}`;
}

function labels(values: IstioValues): Record<string, string> {
  return {
    app: "istiod",
    "istio.io/rev": values.revision || "default",
    "app.kubernetes.io/name": "istiod",
    "app.kubernetes.io/managed-by": "isthmus",
  };
}

function suffix({ revision }: IstioValues): string {
  return revision === "" ? "" : `-${revision}`;
}

function serviceAccount(values: IstioValues, namespace: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: istiodName(values), namespace, labels: labels(values) },
  };
}

function clusterRole(values: IstioValues, namespace: string): KubeObject {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: `istiod-clusterrole${suffix(values)}-${namespace}`, labels: labels(values) },
    rules: [
      rule(
        "admissionregistration.k8s.io",
        ["mutatingwebhookconfigurations"],
        [...readVerbs, "update", "patch"],
      ),
      rule("admissionregistration.k8s.io", ["validatingwebhookconfigurations"], [...readVerbs, "update"]),
      rule(istioGroups, ["*"], readVerbs),
      // To see, in a dry run, whether its webhook refuses what is wrong.
      rule("networking.istio.io", ["gateways"], ["create"]),
      rule(
        "networking.istio.io",
        ["workloadentries", "workloadentries/status", "serviceentries/status"],
        [...readVerbs, "update", "patch", "create", "delete"],
      ),
      rule("security.istio.io", ["authorizationpolicies/status"], [...readVerbs, "update", "patch"]),
      rule("apiextensions.k8s.io", ["customresourcedefinitions"], readVerbs),
      rule("", ["pods", "nodes", "services", "namespaces", "endpoints", "secrets"], readVerbs),
      rule("", ["configmaps"], [...readVerbs, "create", "update"]),
      rule("discovery.k8s.io", ["endpointslices"], readVerbs),
      rule("networking.k8s.io", ["ingresses", "ingressclasses"], readVerbs),
      rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
      rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
    ],
  };
}

function clusterRoleBinding(values: IstioValues, namespace: string): KubeObject {
  const name = `istiod-clusterrole${suffix(values)}-${namespace}`;
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name, labels: labels(values) },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", name: istiodName(values), namespace }],
  };
}

/** What istiod may write in its own namespace: its CA, leader election. */
function role(values: IstioValues, namespace: string): KubeObject {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: istiodName(values), namespace, labels: labels(values) },
    rules: [
      rule("", ["secrets"], [...readVerbs, "create", "update", "delete"]),
      rule("", ["configmaps"], [...readVerbs, "create", "update", "delete"]),
      rule("coordination.k8s.io", ["leases"], ["get", "update", "patch", "create"]),
    ],
  };
}

function roleBinding(values: IstioValues, namespace: string): KubeObject {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: istiodName(values), namespace, labels: labels(values) },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: istiodName(values) },
    subjects: [{ kind: "ServiceAccount", name: istiodName(values), namespace }],
  };
}

/** What another cluster's istiod may do here with the remote credential. */
function readerRole(values: IstioValues, namespace: string): KubeObject {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: {
      name: `istio-reader-clusterrole${suffix(values)}-${namespace}`,
      labels: { ...labels(values), app: "istio-reader" },
    },
    rules: [
      rule(istioGroups, ["*"], readVerbs),
      rule(
        "",
        [
          "endpoints",
          "pods",
          "services",
          "nodes",
          "replicationcontrollers",
          "namespaces",
          "secrets",
          "configmaps",
        ],
        readVerbs,
      ),
      rule("apiextensions.k8s.io", ["customresourcedefinitions"], readVerbs),
      rule("discovery.k8s.io", ["endpointslices"], readVerbs),
      rule("apps", ["replicasets"], readVerbs),
      rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
      rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
      ...(values.isRemote
        ? [
            rule("", ["configmaps"], [...readVerbs, "create", "update"]),
            rule(
              "admissionregistration.k8s.io",
              ["mutatingwebhookconfigurations"],
              [...readVerbs, "update", "patch"],
            ),
            rule(
              "admissionregistration.k8s.io",
              ["validatingwebhookconfigurations"],
              [...readVerbs, "update"],
            ),
          ]
        : []),
    ],
  };
}

function readerBinding(values: IstioValues, namespace: string): KubeObject {
  const name = `istio-reader-clusterrole${suffix(values)}-${namespace}`;
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name, labels: { ...labels(values), app: "istio-reader" } },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", name: "istio-reader-service-account", namespace }],
  };
}

/** MeshConfig and MeshNetworks, as YAML text in the ConfigMap `istio`. */
function meshConfigMap(values: IstioValues, namespace: string): KubeObject {
  const defaults = {
    defaultConfig: {
      discoveryAddress: `${istiodName(values)}.${namespace}.svc:15012`,
      ...(values.meshId === "" ? {} : { meshId: values.meshId }),
    },
    enablePrometheusMerge: true,
    rootNamespace: namespace,
    trustDomain: values.trustDomain,
  };
  const custom = values.meshConfig;
  const defaultConfig = { ...defaults.defaultConfig, ...(custom["defaultConfig"] as object | undefined) };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `istio${suffix(values)}`, namespace, labels: labels(values) },
    data: {
      mesh: formatYaml({ ...defaults, ...custom, defaultConfig }),
      meshNetworks: formatYaml({ networks: values.meshNetworks }),
    },
  };
}

/** The values that injection reads, as JSON and with what istioctl looks for in them. */
function injectorConfig(values: IstioValues, namespace: string): KubeObject {
  const { proxy } = values.global as { readonly proxy?: object };
  const read = {
    global: { ...values.global, proxy: { image: "proxyv2", ...proxy } },
    revision: values.revision,
    // The webhooks here know no such thing.
    sidecarInjectorWebhook: { enableNamespacesByDefault: false },
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `istio-sidecar-injector${suffix(values)}`, namespace, labels: labels(values) },
    data: { values: JSON.stringify(read, undefined, 2) },
  };
}

function service(values: IstioValues, namespace: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: istiodName(values), namespace, labels: { ...labels(values), istio: "pilot" } },
    spec: {
      ports: [
        { name: "grpc-xds", port: 15010, protocol: "TCP" },
        { name: "https-dns", port: 15012, protocol: "TCP" },
        { name: "https-webhook", port: 443, targetPort: 15017, protocol: "TCP" },
        { name: "http-monitoring", port: 15014, protocol: "TCP" },
      ],
      selector: {
        app: "istiod",
        ...(values.revision === "" ? { istio: "pilot" } : { "istio.io/rev": values.revision }),
      },
    },
  };
}

function deployment(values: IstioValues, namespace: string): KubeObject {
  const podLabels = {
    ...labels(values),
    istio: values.revision === "" ? "pilot" : "istiod",
    "sidecar.istio.io/inject": "false",
  };
  const field = (name: string, fieldPath: string) => ({
    name,
    valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } },
  });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: istiodName(values), namespace, labels: { ...labels(values), istio: "pilot" } },
    spec: {
      replicas: values.replicas,
      strategy: { rollingUpdate: { maxSurge: "100%", maxUnavailable: "25%" } },
      selector: {
        matchLabels:
          values.revision === "" ? { istio: "pilot" } : { app: "istiod", "istio.io/rev": values.revision },
      },
      template: {
        metadata: {
          labels: podLabels,
          annotations: { "prometheus.io/port": "15014", "prometheus.io/scrape": "true" },
        },
        spec: {
          serviceAccountName: istiodName(values),
          containers: [
            {
              name: "discovery",
              image: `${values.hub}/pilot:${values.tag}`,
              args: ["discovery", "--monitoringAddr=:15014", "--domain", "cluster.local"],
              ports: [
                { containerPort: 8080, name: "http-debug", protocol: "TCP" },
                { containerPort: 15010, name: "grpc-xds", protocol: "TCP" },
                { containerPort: 15012, name: "tls-xds", protocol: "TCP" },
                { containerPort: 15017, name: "https-webhooks", protocol: "TCP" },
                { containerPort: 15014, name: "http-monitoring", protocol: "TCP" },
              ],
              readinessProbe: {
                httpGet: { path: "/ready", port: 8080 },
                initialDelaySeconds: 0,
                periodSeconds: 3,
                timeoutSeconds: 5,
              },
              env: [
                { name: "REVISION", value: values.revision || "default" },
                { name: "PILOT_CERT_PROVIDER", value: "istiod" },
                field("POD_NAME", "metadata.name"),
                field("POD_NAMESPACE", "metadata.namespace"),
                field("SERVICE_ACCOUNT", "spec.serviceAccountName"),
                ...Object.entries(values.env).map(([name, value]) => ({ name, value })),
                { name: "CLUSTER_ID", value: values.clusterName },
              ],
              resources: { requests: { cpu: "500m", memory: "2Gi" } },
              volumeMounts: [{ name: "cacerts", mountPath: "/etc/cacerts", readOnly: true }],
            },
          ],
          volumes: [{ name: "cacerts", secret: { secretName: "cacerts", optional: true } }],
        },
      },
    },
  };
}

/** A remote's way to its primary's istiod: a Service without selector, and its one endpoint by hand. */
function remoteIstiod(values: IstioValues, namespace: string): KubeObject[] {
  const name = istiodName(values);
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace, labels: labels(values) },
      spec: {
        ports: [
          { name: "tcp-istiod", port: 15012, protocol: "TCP" },
          { name: "tcp-webhook", port: 443, targetPort: 15017, protocol: "TCP" },
        ],
      },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name,
        namespace,
        labels: {
          ...labels(values),
          [serviceNameLabel]: name,
          "endpointslice.kubernetes.io/managed-by": "isthmus",
        },
      },
      addressType: "IPv4",
      endpoints: [{ addresses: [values.remotePilotAddress] }],
      ports: [
        { name: "tcp-istiod", port: 15012, protocol: "TCP" },
        { name: "tcp-webhook", port: 15017, protocol: "TCP" },
      ],
    },
  ];
}
