import type { KubeObject } from "../../kube/index.ts";
import type { PolicyRule } from "./authorizer.ts";

const apiGroup = "rbac.authorization.k8s.io";
const bootstrapLabels = { "kubernetes.io/bootstrapping": "rbac-defaults" };

const reading = ["get", "list", "watch"];
const writing = ["create", "delete", "deletecollection", "patch", "update"];

function rule(group: string, resources: readonly string[], verbs: readonly string[]): PolicyRule {
  return { apiGroups: [group], resources, verbs };
}

function role(
  name: string,
  rules: readonly PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): KubeObject {
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: "ClusterRole",
    metadata: { name, labels: { ...bootstrapLabels, ...labels } },
    rules,
  };
}

/** A role made of all roles with a label; the server keeps its rules up to date. */
function aggregate(name: string, labels: Readonly<Record<string, string>> = {}): KubeObject {
  return {
    ...role(name, [], labels),
    aggregationRule: {
      clusterRoleSelectors: [{ matchLabels: { [`${apiGroup}/aggregate-to-${name}`]: "true" } }],
    },
  };
}

function binding(name: string, roleName: string, groups: readonly string[]): KubeObject {
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name, labels: bootstrapLabels },
    roleRef: { apiGroup, kind: "ClusterRole", name: roleName },
    subjects: groups.map((group) => ({ apiGroup, kind: "Group", name: group })),
  };
}

/** Resources of a namespace that viewers may read and editors may write, by group. */
const ordinary: readonly (readonly [group: string, resources: readonly string[]])[] = [
  [
    "",
    [
      "configmaps",
      "endpoints",
      "persistentvolumeclaims",
      "pods",
      "replicationcontrollers",
      "replicationcontrollers/scale",
      "serviceaccounts",
      "services",
    ],
  ],
  [
    "apps",
    [
      "daemonsets",
      "deployments",
      "deployments/scale",
      "replicasets",
      "replicasets/scale",
      "statefulsets",
      "statefulsets/scale",
    ],
  ],
  ["autoscaling", ["horizontalpodautoscalers"]],
  ["batch", ["cronjobs", "jobs"]],
  ["discovery.k8s.io", ["endpointslices"]],
  ["networking.k8s.io", ["ingresses", "networkpolicies"]],
  ["policy", ["poddisruptionbudgets"]],
];

/** What viewers may read beside: states and things nobody edits. */
const readOnly: readonly (readonly [group: string, resources: readonly string[]])[] = [
  [
    "",
    [
      "bindings",
      "events",
      "limitranges",
      "namespaces",
      "namespaces/status",
      "persistentvolumeclaims/status",
      "pods/log",
      "pods/status",
      "replicationcontrollers/status",
      "resourcequotas",
      "resourcequotas/status",
      "services/status",
    ],
  ],
  [
    "apps",
    [
      "controllerrevisions",
      "daemonsets/status",
      "deployments/status",
      "replicasets/status",
      "statefulsets/status",
    ],
  ],
  ["autoscaling", ["horizontalpodautoscalers/status"]],
  ["batch", ["cronjobs/status", "jobs/status"]],
  ["networking.k8s.io", ["ingresses/status"]],
  ["policy", ["poddisruptionbudgets/status"]],
];

const streams = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"];

/** The ClusterRoles that every cluster has from its beginning. */
export function defaultClusterRoles(): KubeObject[] {
  const aggregateTo = (name: string) => ({ [`${apiGroup}/aggregate-to-${name}`]: "true" });
  const paths = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
  ];
  const health = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
  return [
    role("cluster-admin", [
      { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      { nonResourceURLs: ["*"], verbs: ["*"] },
    ]),
    aggregate("admin"),
    aggregate("edit", aggregateTo("admin")),
    aggregate("view", aggregateTo("edit")),
    role(
      "system:aggregate-to-admin",
      [
        rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"]),
        rule(apiGroup, ["rolebindings", "roles"], [...reading, ...writing]),
      ],
      aggregateTo("admin"),
    ),
    role(
      "system:aggregate-to-edit",
      [
        rule("", ["secrets", ...streams], reading),
        rule("", ["serviceaccounts"], ["impersonate"]),
        rule(
          "",
          ["secrets", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"],
          writing,
        ),
        rule("", ["pods/eviction", "serviceaccounts/token"], ["create"]),
        rule("", ["events"], ["create", "patch", "update"]),
        ...ordinary.map(([group, resources]) => rule(group, resources, writing)),
        rule("coordination.k8s.io", ["leases"], [...reading, ...writing]),
      ],
      aggregateTo("edit"),
    ),
    role(
      "system:aggregate-to-view",
      [...ordinary, ...readOnly].map(([group, resources]) => rule(group, resources, reading)),
      aggregateTo("view"),
    ),
    role(
      "system:aggregated-metrics-reader",
      [rule("metrics.k8s.io", ["nodes", "pods"], reading)],
      aggregateTo("view"),
    ),
    role("system:discovery", [{ nonResourceURLs: paths, verbs: ["get"] }]),
    role("system:basic-user", [
      rule("authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
      rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
    ]),
    role("system:public-info-viewer", [{ nonResourceURLs: health, verbs: ["get"] }]),
    role("system:service-account-issuer-discovery", [
      { nonResourceURLs: ["/.well-known/openid-configuration", "/openid/v1/jwks"], verbs: ["get"] },
    ]),
    role("system:auth-delegator", [
      rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
      rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
    ]),
    role("system:node", [
      rule(
        "",
        [
          "configmaps",
          "namespaces",
          "nodes",
          "persistentvolumeclaims",
          "persistentvolumes",
          "pods",
          "secrets",
          "services",
        ],
        reading,
      ),
      rule("", ["nodes", "nodes/status", "pods/status"], ["create", "patch", "update"]),
      rule("", ["pods"], ["create", "delete"]),
      rule("", ["pods/eviction", "serviceaccounts/token"], ["create"]),
      rule("", ["events"], ["create", "patch", "update"]),
      rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
      rule("authorization.k8s.io", ["localsubjectaccessreviews", "subjectaccessreviews"], ["create"]),
      rule("coordination.k8s.io", ["leases"], [...reading, ...writing]),
    ]),
  ];
}

/** The ClusterRoleBindings that every cluster has from its beginning. */
export function defaultClusterRoleBindings(): KubeObject[] {
  return [
    binding("cluster-admin", "cluster-admin", ["system:masters"]),
    binding("system:basic-user", "system:basic-user", ["system:authenticated"]),
    binding("system:discovery", "system:discovery", ["system:authenticated"]),
    binding("system:public-info-viewer", "system:public-info-viewer", [
      "system:authenticated",
      "system:unauthenticated",
    ]),
    binding("system:service-account-issuer-discovery", "system:service-account-issuer-discovery", [
      "system:serviceaccounts",
    ]),
  ];
}
