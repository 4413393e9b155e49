import { generated, type KubeObject, networkLabel } from "../../kube/index.ts";
import type { Cluster, Gateway, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { providerAnnotations } from "../load-balancers/provider-annotations.ts";
import { gatewayLabel, hasRemotes, managementCluster } from "../topology.ts";

interface GatewayPort {
  readonly name: string;
  readonly port: number;
  readonly targetPort?: number;
  readonly nodePort?: number;
}

/** What a gateway is for; a shared one is both. */
interface Uses {
  readonly outside: boolean;
  readonly eastwest: boolean;
}

/**
 * The gateways of a cluster as plain objects: account, Service, and a Deployment that injection turns into a
 * proxy (image `auto`). A gateway that is ingress and east-west is made once.
 */
export function gatewayWorkloads(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const { ingress, eastwest, egress } = cluster.gateways;
  const all = [...new Set([ingress, eastwest, egress].filter((one) => one !== undefined))];
  return all.flatMap((gateway) => {
    const uses = { outside: gateway !== eastwest || gateway === ingress, eastwest: gateway === eastwest };
    return [
      serviceAccount(gateway),
      // Certificates for hosts are read by the control plane on behalf of this account.
      ...(uses.outside ? [secretRole(gateway), secretRoleBinding(gateway)] : []),
      service(gateway, cluster, uses, mesh),
      deployment(gateway, cluster, uses, mesh),
    ].map(
      (object): CompiledItem => ({
        kind: "object",
        wave: "gateways",
        from: gateway.from,
        object: generated(object, gateway.from),
      }),
    );
  });
}

function labelsOf(gateway: Gateway, cluster: Cluster, { eastwest }: Uses): Record<string, string> {
  return {
    app: gateway.name,
    istio: gatewayLabel(gateway),
    ...(eastwest && cluster.network !== undefined ? { [networkLabel]: cluster.network } : {}),
  };
}

function selectorOf(gateway: Gateway): Record<string, string> {
  return { app: gateway.name, istio: gatewayLabel(gateway) };
}

function accountName({ name }: Gateway): string {
  return `${name}-service-account`;
}

function serviceAccount(gateway: Gateway): KubeObject {
  const { namespace } = gateway;
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: accountName(gateway), namespace, labels: selectorOf(gateway) },
  };
}

function secretRole(gateway: Gateway): KubeObject {
  const { name, namespace } = gateway;
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: `${name}-sds`, namespace, labels: selectorOf(gateway) },
    rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch", "list"] }],
  };
}

function secretRoleBinding(gateway: Gateway): KubeObject {
  const { name, namespace } = gateway;
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: `${name}-sds`, namespace, labels: selectorOf(gateway) },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: `${name}-sds` },
    subjects: [{ kind: "ServiceAccount", name: accountName(gateway), namespace }],
  };
}

function service(gateway: Gateway, cluster: Cluster, uses: Uses, mesh: Mesh): KubeObject {
  const { name, namespace, port } = gateway;
  const { type, annotations: own, ports: written, ...fields } = gateway.service;
  const isLoadBalancer = type === "LoadBalancer";
  const { loadBalancer } = cluster;
  const ports = written ?? portsOf(gateway, uses, mesh);
  const annotations = { ...(isLoadBalancer ? loadBalancer.annotations : {}), ...own };
  const { externalTrafficPolicy } = fields;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace,
      labels: {
        ...labelsOf(gateway, cluster, uses),
        // Istio takes 15443 when this label is missing.
        ...(uses.eastwest && port !== 15_443 ? { "networking.istio.io/gatewayPort": String(port) } : {}),
      },
      annotations: {
        ...(isLoadBalancer
          ? providerAnnotations(cluster, { ports, annotations, externalTrafficPolicy })
          : {}),
        ...annotations,
      },
    },
    spec: {
      type,
      selector: selectorOf(gateway),
      ports: ports.map((one) => ({
        ...one,
        targetPort: one.targetPort ?? one.port,
        protocol: "TCP",
      })),
      ...(isLoadBalancer && loadBalancer.class !== undefined
        ? { loadBalancerClass: loadBalancer.class }
        : {}),
      ...fields,
    },
  };
}

/** Ports by purpose. Pods listen above 1024, so that they need no right for it; Istio maps a Service port to its target. */
function portsOf({ port }: Gateway, { outside, eastwest }: Uses, mesh: Mesh): readonly GatewayPort[] {
  const remotes = hasRemotes(mesh);
  const same = (name: string, number: number): GatewayPort => ({ name, port: number, targetPort: number });
  const crossNetwork = { name: "tls", port, targetPort: port < 1024 ? port + 8000 : port };
  return [
    same("status-port", 15_021),
    ...(outside ? [{ name: "http2", port: 80, targetPort: 8080 }] : []),
    // On a shared gateway the cross-network port takes the place of HTTPS: both are told apart by server name.
    ...(outside && !(eastwest && port === 443) ? [{ name: "https", port: 443, targetPort: 8443 }] : []),
    // A fleet's ingress gateways can be opened for mesh traffic too, by a Gateway object of the user's.
    ...(eastwest || managementCluster(mesh) !== undefined ? [crossNetwork] : []),
    ...(eastwest && remotes ? [same("tls-istiod", 15_012), same("tls-webhook", 15_017)] : []),
  ];
}

function deployment(gateway: Gateway, cluster: Cluster, uses: Uses, mesh: Mesh): KubeObject {
  const { name, namespace } = gateway;
  const { revision } = (mesh.clusters.get(cluster.consumer ?? cluster.name) ?? cluster).istio;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: labelsOf(gateway, cluster, uses) },
    spec: {
      selector: { matchLabels: selectorOf(gateway) },
      template: {
        metadata: {
          labels: {
            ...labelsOf(gateway, cluster, uses),
            "sidecar.istio.io/inject": "true",
            ...(revision === undefined ? {} : { "istio.io/rev": revision }),
          },
          annotations: { "inject.istio.io/templates": "gateway" },
        },
        spec: {
          serviceAccountName: accountName(gateway),
          containers: [
            {
              name: "istio-proxy",
              image: "auto",
              ...(uses.eastwest ? { env: eastwestEnv(cluster) } : {}),
              resources: {
                requests: { cpu: "100m", memory: "128Mi" },
                limits: { cpu: "2000m", memory: "1024Mi" },
              },
            },
          ],
        },
      },
    },
  };
}

/**
 * An east-west gateway passes connections on to endpoints of its own network only: with those of other networks
 * it could hand a connection back to the gateway it came from. For a shared gateway this holds for traffic from
 * outside too.
 */
function eastwestEnv({ network }: Cluster): { name: string; value: string }[] {
  return [
    { name: "ISTIO_META_ROUTER_MODE", value: "sni-dnat" },
    ...(network === undefined ? [] : [{ name: "ISTIO_META_REQUESTED_NETWORK_VIEW", value: network }]),
  ];
}
