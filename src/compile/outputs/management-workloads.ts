import { version } from "../../base/index.ts";
import {
  type KubeObject,
  managementNamespace as namespace,
  readerAccount,
  remoteSecretName,
  systemNamespace,
} from "../../kube/index.ts";
import type { Cluster, Mesh } from "../../mesh/index.ts";
import { providerAnnotations } from "../load-balancers/provider-annotations.ts";
import { workloadClusters } from "../topology.ts";
import { clustersReadBy } from "./remote-credentials.ts";

const readVerbs = ["get", "list", "watch"];
const writeVerbs = [...readVerbs, "create", "update", "patch", "delete"];
const managerName = "gloo-mesh-mgmt-server";
const agentName = "gloo-mesh-agent";
/** The port to which agents connect; named as the guides look it up. */
const relayPort = { name: "grpc", port: 9900 };
/** /healthz, /readyz and /metrics. */
const operationsPort = { name: "http-metrics", port: 8080 };

/** The Secret with which an agent calls the manager. */
export const relayCredentialName = "relay-credential";

/** The account, on the management cluster, as which a cluster's agent is known. It may do nothing there. */
export function agentIdentity(cluster: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: `agent-${cluster}`, namespace, labels: { app: agentName } },
  };
}

/** The manager: what it may do on its own cluster, and how agents reach it. */
export function managerObjects(cluster: Cluster, mesh: Mesh): readonly KubeObject[] {
  const ports = [{ ...relayPort, targetPort: relayPort.port, protocol: "TCP" }];
  const { annotations } = cluster.loadBalancer;
  const forBalancer = { ...providerAnnotations(cluster, { ports, annotations }), ...annotations };
  return [
    account(managerName),
    ...roleWithBinding(managerName, namespace, [
      rule(["management.isthmus.dev"], ["*"], writeVerbs),
      rule(["admin.gloo.solo.io"], ["*"], [...readVerbs, "patch"]),
      rule(["coordination.k8s.io"], ["leases"], ["get", "create", "update", "patch"]),
      rule([""], ["secrets"], ["create"]),
      { ...rule([""], ["secrets"], ["get"]), resourceNames: ["relay-tls"] },
    ]),
    ...clusterRoleWithBinding(managerName, [rule(["authentication.k8s.io"], ["tokenreviews"], ["create"])]),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: managerName,
        namespace,
        labels: { app: managerName },
        ...(Object.keys(forBalancer).length === 0 ? {} : { annotations: forBalancer }),
      },
      spec: {
        type: "LoadBalancer",
        selector: { app: managerName },
        ports,
        ...(cluster.loadBalancer.class === undefined
          ? {}
          : { loadBalancerClass: cluster.loadBalancer.class }),
      },
    },
    deployment(managerName, {
      name: "manager",
      image: imageOf("manager", mesh),
      args: ["--listen=0.0.0.0:9900", "--operations=0.0.0.0:8080"],
      ports: [containerPort(relayPort), containerPort(operationsPort)],
      env: [
        podName,
        ...(mesh.discovery === "exports" ? [{ name: "HOST_SUFFIX", value: mesh.hostSuffix }] : []),
      ],
    }),
  ];
}

/** The agent of a workload cluster. What the manager may do there is what the agent's account may do. */
export function agentObjects(cluster: Cluster, mesh: Mesh): readonly KubeObject[] {
  return [
    account(agentName),
    ...clusterRoleWithBinding(agentName, [
      rule([""], ["namespaces", "nodes", "pods", "services"], readVerbs),
      rule(["apps"], ["daemonsets", "deployments", "statefulsets"], readVerbs),
      rule(
        ["networking.istio.io"],
        ["destinationrules", "gateways", "serviceentries", "sidecars"],
        writeVerbs,
      ),
      rule(["security.istio.io"], ["authorizationpolicies", "peerauthentications"], writeVerbs),
      rule(["admin.gloo.solo.io"], ["glooworkspacesettings"], readVerbs),
      rule(["admin.gloo.solo.io"], ["glooworkspacesettings/status"], ["patch"]),
      rule(["multicluster.x-k8s.io"], ["serviceexports"], readVerbs),
      rule(["multicluster.x-k8s.io"], ["serviceexports/status"], ["patch"]),
    ]),
    ...roleWithBinding(agentName, systemNamespace, [
      rule([""], ["configmaps"], readVerbs),
      // Its metrics, which say when certificates expire.
      {
        ...rule([""], ["services/proxy"], ["get"]),
        resourceNames: istiodsOf(cluster).map((one) => `${one}:15014`),
      },
      ...credentialRules(cluster, mesh),
    ]),
    deployment(
      agentName,
      {
        name: "agent",
        image: imageOf("agent", mesh),
        args: ["--operations=0.0.0.0:8080"],
        ports: [containerPort(operationsPort)],
        env: [podName],
        volumeMounts: [{ name: "relay", mountPath: "/etc/relay", readOnly: true }],
      },
      [{ name: "relay", secret: { secretName: relayCredentialName } }],
    ),
  ];
}

/** Services of its istiods: that of the revision, if it has one, beside the one without, from which an upgrade may come. */
function istiodsOf({ istio: { revision } }: Cluster): readonly string[] {
  return ["istiod", ...(revision === undefined ? [] : [`istiod-${revision}`])];
}

/** For credentials that end: to write those that the cluster's control plane reads others by, and to give others theirs. */
function credentialRules(cluster: Cluster, mesh: Mesh): readonly object[] {
  if (mesh.credentialLifetime === undefined) return [];
  const secrets = clustersReadBy(cluster, mesh).map(remoteSecretName);
  const isRead = workloadClusters(mesh).some((other) => clustersReadBy(other, mesh).includes(cluster.name));
  return [
    ...(secrets.length === 0
      ? []
      : [{ ...rule([""], ["secrets"], [...readVerbs, "patch"]), resourceNames: secrets }]),
    ...(isRead
      ? [{ ...rule([""], ["serviceaccounts/token"], ["create"]), resourceNames: [readerAccount] }]
      : []),
  ];
}

function imageOf(program: string, { registry }: Mesh): string {
  return `${registry === undefined ? "" : `${registry}/`}isthmus/${program}:${version}`;
}

const podName = {
  name: "POD_NAME",
  valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } },
};

function containerPort({ name, port }: typeof relayPort) {
  return { containerPort: port, name, protocol: "TCP" };
}

function probe(path: string) {
  return { httpGet: { path, port: operationsPort.name } };
}

function account(name: string): KubeObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels: { app: name } } };
}

function rule(apiGroups: readonly string[], resources: readonly string[], verbs: readonly string[]) {
  return { apiGroups, resources, verbs };
}

const rbac = "rbac.authorization.k8s.io";

function roleWithBinding(name: string, where: string, rules: readonly object[]): readonly KubeObject[] {
  const metadata = { name, namespace: where, labels: { app: name } };
  return [
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
  ];
}

function clusterRoleWithBinding(name: string, rules: readonly object[]): readonly KubeObject[] {
  const metadata = { name, labels: { app: name } };
  return [
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata,
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
  ];
}

function deployment(name: string, container: object, volumes: readonly object[] = []): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: {
          labels: { app: name, "sidecar.istio.io/inject": "false" },
          annotations: {
            "prometheus.io/path": "/metrics",
            "prometheus.io/port": String(operationsPort.port),
            "prometheus.io/scrape": "true",
          },
        },
        spec: {
          serviceAccountName: name,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              ...container,
              livenessProbe: { ...probe("/healthz"), periodSeconds: 10, failureThreshold: 3 },
              readinessProbe: { ...probe("/readyz"), periodSeconds: 5, failureThreshold: 2 },
              resources: { requests: { cpu: "50m", memory: "64Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ["ALL"] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
          ...(volumes.length === 0 ? {} : { volumes }),
        },
      },
    },
  };
}
