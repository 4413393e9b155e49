import type { Container, EnvVar, Pod } from "../../kube/index.ts";
import type { Destination } from "../contracts.ts";
import { expandVariables } from "./expand.ts";
import { podField, resourceField } from "./fields.ts";
import { MissingReference, type PodObjects } from "./pod-objects.ts";

export interface EnvSources {
  /** With its addresses in the status. */
  readonly pod: Pod;
  readonly objects: PodObjects;
  /** What the node can give, by resource. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** Variables about Services; the container's own win over them. */
  readonly services: Readonly<Record<string, string>>;
}

/**
 * The environment of one container, as a kubelet makes it: service variables, then envFrom, then env in order,
 * with $(VAR) replaced by what came before. Throws MissingReference for what is not there and not optional.
 */
export async function resolveEnv(
  container: Container,
  sources: EnvSources,
): Promise<Readonly<Record<string, string>>> {
  const env: Record<string, string> = { HOSTNAME: podHostname(sources.pod), ...sources.services };
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    for (const [kind, reference] of [["configmap", configMapRef] as const, ["secret", secretRef] as const]) {
      if (reference === undefined) continue;
      const found = await sources.objects.values(kind, reference.name, reference.optional === true);
      for (const [name, value] of found?.values ?? []) env[`${prefix}${name}`] = value.toString("utf8");
    }
  }
  for (const variable of container.env ?? []) {
    const value = await resolveVariable(variable, container, env, sources);
    if (value !== undefined) env[variable.name] = value;
  }
  return env;
}

/** What a pod's own `hostname` says: spec.hostname, or the pod's name cut to what a host name may be. */
export function podHostname({ metadata, spec }: Pod): string {
  return spec.hostname ?? metadata.name.slice(0, 63).replace(/[-.]+$/, "");
}

async function resolveVariable(
  { value, valueFrom }: EnvVar,
  container: Container,
  env: Readonly<Record<string, string>>,
  { pod, objects, allocatable }: EnvSources,
): Promise<string | undefined> {
  if (valueFrom === undefined) return expandVariables(value ?? "", env);
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef !== undefined) {
    const field = podField(pod, fieldRef.fieldPath);
    if (field === undefined) throw new MissingReference(`unsupported fieldPath: ${fieldRef.fieldPath}`);
    return field;
  }
  if (resourceFieldRef !== undefined) {
    const { containerName, resource, divisor } = resourceFieldRef;
    const owner = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
      ({ name }) => name === containerName,
    );
    const field = resourceField(owner ?? container, resource, divisor, allocatable);
    if (field === undefined) throw new MissingReference(`unsupported container resource : ${resource}`);
    return field;
  }
  const [kind, reference] =
    secretKeyRef !== undefined
      ? (["secret", secretKeyRef] as const)
      : (["configmap", configMapKeyRef] as const);
  if (reference === undefined) return "";
  const found = await objects.values(kind, reference.name, reference.optional === true);
  const content = found?.values.get(reference.key);
  if (content !== undefined) return content.toString("utf8");
  if (reference.optional === true) return undefined;
  const owner = `${kind === "secret" ? "Secret" : "ConfigMap"} ${pod.metadata.namespace}/${reference.name}`;
  throw new MissingReference(`couldn't find key ${reference.key} in ${owner}`, found?.reference);
}

/** One Service as far as its variables need it. */
export interface ServiceAddress {
  readonly name: string;
  readonly address: string;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
}

/** The variables that tell a container about Services, in Kubernetes' and in Docker's form. */
export function serviceVariables(
  services: readonly ServiceAddress[],
  api: Destination,
): Readonly<Record<string, string>> {
  const kubernetes: ServiceAddress = {
    name: "kubernetes",
    address: api.address,
    ports: [{ name: "https", port: api.port }],
  };
  const env: Record<string, string> = {};
  for (const { name, address, ports } of [
    ...services.filter(({ name }) => name !== "kubernetes"),
    kubernetes,
  ]) {
    const [first] = ports;
    if (first === undefined) continue;
    const prefix = variableName(name);
    env[`${prefix}_SERVICE_HOST`] = address;
    env[`${prefix}_SERVICE_PORT`] = String(first.port);
    env[`${prefix}_PORT`] = portUrl(address, first);
    for (const port of ports) {
      if (port.name !== undefined && port.name !== "") {
        env[`${prefix}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port);
      }
      const protocol = port.protocol ?? "TCP";
      const docker = `${prefix}_PORT_${port.port}_${protocol}`;
      env[docker] = portUrl(address, port);
      env[`${docker}_PROTO`] = protocol.toLowerCase();
      env[`${docker}_PORT`] = String(port.port);
      env[`${docker}_ADDR`] = address;
    }
  }
  return env;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function portUrl(address: string, { protocol = "TCP", port }: { protocol?: string; port: number }): string {
  return `${protocol.toLowerCase()}://${address}:${port}`;
}
