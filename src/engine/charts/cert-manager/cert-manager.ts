import type { KubeObject } from "../../../kube/index.ts";
import { type PolicyRule, rule } from "../rbac-rule.ts";
import { certManagerDefinitions } from "./definitions.ts";
import type { CertManagerPart, CertManagerValues } from "./values.ts";

const rbac = "rbac.authorization.k8s.io";
/** Where the controllers keep the Lease by which one replica works, as upstream's do by default. */
const leaseNamespace = "kube-system";

/** What the chart cert-manager installs, as far as the stand-ins of its images need it. The same names, labels and ports. */
export function certManagerObjects(values: CertManagerValues): readonly KubeObject[] {
  const { crds, webhook, cainjector } = values;
  return [
    ...(crds.enabled ? certManagerDefinitions(labelsOf(values, "cert-manager", "crds"), crds.keep) : []),
    ...controllerObjects(values),
    ...(cainjector === undefined ? [] : cainjectorObjects(values, cainjector)),
    ...webhookObjects(values, webhook),
    ...rolesForUsers(values),
  ];
}

function labelsOf({ release, version }: CertManagerValues, app: string, component: string) {
  return {
    app,
    "app.kubernetes.io/name": app,
    "app.kubernetes.io/instance": release,
    "app.kubernetes.io/component": component,
    "app.kubernetes.io/version": version,
    "app.kubernetes.io/managed-by": "isthmus",
  };
}

function controllerObjects(values: CertManagerValues): KubeObject[] {
  const { name, namespace, clusterResourceNamespace, controller } = values;
  const labels = labelsOf(values, "cert-manager", "controller");
  const reading = ["get", "list", "watch"];
  const writing = ["update", "patch"];
  const issuing = (kind: "issuers" | "clusterissuers"): PolicyRule[] => [
    rule("cert-manager.io", [kind], reading),
    rule("cert-manager.io", [`${kind}/status`], writing),
    rule("", ["secrets"], [...reading, "create"]),
    rule("", ["events"], ["create", "patch"]),
  ];
  return [
    account(name, namespace, labels),
    ...clusterRole(`${name}-controller-issuers`, labels, issuing("issuers"), name, namespace),
    ...clusterRole(`${name}-controller-clusterissuers`, labels, issuing("clusterissuers"), name, namespace),
    ...clusterRole(
      `${name}-controller-certificates`,
      labels,
      [
        rule("cert-manager.io", ["certificates", "issuers", "clusterissuers"], reading),
        rule("cert-manager.io", ["certificates/status"], writing),
        rule("", ["secrets"], [...reading, "create", "patch"]),
        rule("", ["events"], ["create", "patch"]),
      ],
      name,
      namespace,
    ),
    ...leaseRole(`${name}:leaderelection`, "cert-manager-controller", labels, name, namespace),
    deployment(name, namespace, labels, controller, {
      name: "cert-manager-controller",
      args: [
        "--v=2",
        `--cluster-resource-namespace=${clusterResourceNamespace}`,
        `--leader-election-namespace=${leaseNamespace}`,
      ],
      ports: [{ name: "http-healthz", containerPort: 9403 }],
      livenessProbe: { httpGet: { path: "/livez", port: "http-healthz" }, initialDelaySeconds: 10 },
    }),
  ];
}

function cainjectorObjects(values: CertManagerValues, part: CertManagerPart): KubeObject[] {
  const { namespace } = values;
  const name = `${values.name}-cainjector`;
  const labels = labelsOf(values, "cainjector", "cainjector");
  const injecting = ["get", "list", "watch", "patch"];
  return [
    account(name, namespace, labels),
    ...clusterRole(
      name,
      labels,
      [
        rule("cert-manager.io", ["certificates"], ["get", "list", "watch"]),
        rule("", ["secrets"], ["get", "list", "watch"]),
        rule("", ["events"], ["create", "patch"]),
        rule(
          "admissionregistration.k8s.io",
          ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
          injecting,
        ),
        rule("apiextensions.k8s.io", ["customresourcedefinitions"], injecting),
      ],
      name,
      namespace,
    ),
    deployment(name, namespace, labels, part, {
      name: "cert-manager-cainjector",
      args: ["--v=2"],
    }),
  ];
}

/** What upstream's webhook refuses, the definitions refuse by their own rules: there is no configuration for it. */
function webhookObjects(values: CertManagerValues, part: CertManagerPart): KubeObject[] {
  const { namespace } = values;
  const name = `${values.name}-webhook`;
  const labels = labelsOf(values, "webhook", "webhook");
  const probe = (path: string) => ({ httpGet: { path, port: "healthcheck", scheme: "HTTP" } });
  return [
    account(name, namespace, labels),
    deployment(name, namespace, labels, part, {
      name: "cert-manager-webhook",
      args: ["--v=2"],
      ports: [{ name: "healthcheck", containerPort: 6080 }],
      livenessProbe: probe("/livez"),
      readinessProbe: probe("/healthz"),
    }),
  ];
}

/** What Kubernetes' roles view, edit and admin get, by aggregation. */
function rolesForUsers(values: CertManagerValues): KubeObject[] {
  const { name } = values;
  const labels = labelsOf(values, "cert-manager", "controller");
  const kinds = ["certificates", "issuers"];
  const role = (suffix: string, aggregated: readonly string[], verbs: readonly string[]): KubeObject => ({
    apiVersion: `${rbac}/v1`,
    kind: "ClusterRole",
    metadata: {
      name: `${name}-${suffix}`,
      labels: {
        ...labels,
        ...Object.fromEntries(aggregated.map((to) => [`${rbac}/aggregate-to-${to}`, "true"])),
      },
    },
    rules: [rule("cert-manager.io", kinds, verbs)],
  });
  return [
    role("view", ["view", "edit", "admin"], ["get", "list", "watch"]),
    role("edit", ["edit", "admin"], ["create", "delete", "deletecollection", "patch", "update"]),
  ];
}

type Labels = Readonly<Record<string, string>>;

function account(name: string, namespace: string, labels: Labels): KubeObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } };
}

function clusterRole(
  name: string,
  labels: Labels,
  rules: readonly PolicyRule[],
  accountName: string,
  namespace: string,
): KubeObject[] {
  return [
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name, labels }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name, labels },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: accountName, namespace }],
    },
  ];
}

function leaseRole(
  name: string,
  lease: string,
  labels: Labels,
  accountName: string,
  namespace: string,
): KubeObject[] {
  const metadata = { name, namespace: leaseNamespace, labels };
  return [
    {
      apiVersion: `${rbac}/v1`,
      kind: "Role",
      metadata,
      rules: [
        { ...rule("coordination.k8s.io", ["leases"], ["get", "update"]), resourceNames: [lease] },
        rule("coordination.k8s.io", ["leases"], ["create"]),
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name: accountName, namespace }],
    },
  ];
}

function selectorOf(labels: Labels): Labels {
  const names = ["name", "instance", "component"].map((name) => `app.kubernetes.io/${name}`);
  return Object.fromEntries(names.map((name) => [name, labels[name] ?? ""]));
}

function deployment(
  name: string,
  namespace: string,
  labels: Labels,
  { replicas, image, podLabels, podAnnotations, placement, resources }: CertManagerPart,
  container: object,
): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: selectorOf(labels) },
      template: {
        metadata: { labels: { ...labels, ...podLabels }, annotations: podAnnotations },
        spec: {
          serviceAccountName: name,
          enableServiceLinks: false,
          ...placement,
          containers: [
            {
              image,
              env: [{ name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } }],
              resources,
              ...container,
            },
          ],
        },
      },
    },
  };
}
