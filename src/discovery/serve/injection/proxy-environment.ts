import type { EnvVar } from "../../../kube/index.ts";
import { appContainers, type TemplateInput } from "./template.ts";

/** The variables that a proxy's agent is configured by. `workloadName` is what the proxy calls its workload. */
export function proxyEnvironment(
  input: TemplateInput,
  options: { readonly workloadName: string; readonly interceptionMode: string },
): EnvVar[] {
  const { pod, namespace, workload, proxyConfig, values } = input;
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  const owner = `kubernetes://apis/${workload.apiVersion}/namespaces/${namespace}/${workload.kind.toLowerCase()}s/${workload.name}`;
  return [
    { name: "PILOT_CERT_PROVIDER", value: values.certificateProvider },
    { name: "CA_ADDR", value: values.caAddress },
    ofField("POD_NAME", "metadata.name"),
    ofField("POD_NAMESPACE", "metadata.namespace"),
    ofField("INSTANCE_IP", "status.podIP"),
    ofField("SERVICE_ACCOUNT", "spec.serviceAccountName"),
    ofField("HOST_IP", "status.hostIP"),
    ofLimit("ISTIO_CPU_LIMIT", "limits.cpu"),
    { name: "PROXY_CONFIG", value: JSON.stringify(proxyConfig.fields) },
    { name: "ISTIO_META_POD_PORTS", value: JSON.stringify(ports) },
    {
      name: "ISTIO_META_APP_CONTAINERS",
      value: appContainers(pod)
        .map(({ name }) => name)
        .join(","),
    },
    ofLimit("GOMEMLIMIT", "limits.memory"),
    { name: "ISTIO_META_CLUSTER_ID", value: values.clusterName },
    ofField("ISTIO_META_NODE_NAME", "spec.nodeName"),
    { name: "ISTIO_META_INTERCEPTION_MODE", value: options.interceptionMode },
    ...(values.network === "" ? [] : [{ name: "ISTIO_META_NETWORK", value: values.network }]),
    ...(options.workloadName === ""
      ? []
      : [{ name: "ISTIO_META_WORKLOAD_NAME", value: options.workloadName }]),
    ...(workload.name === "" ? [] : [{ name: "ISTIO_META_OWNER", value: owner }]),
    { name: "ISTIO_META_MESH_ID", value: values.meshId },
    { name: "TRUST_DOMAIN", value: values.trustDomain },
    ...metadataEnvironment(input),
  ];
}

/** The variables of `proxyMetadata`. */
export function metadataEnvironment({ proxyConfig }: TemplateInput): EnvVar[] {
  return Object.entries(proxyConfig.metadata)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
}

function ofField(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function ofLimit(name: string, resource: string): EnvVar {
  return { name, valueFrom: { resourceFieldRef: { resource, divisor: "1" } } };
}
