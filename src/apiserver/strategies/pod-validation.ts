import { jsonEqual } from "../../kube/index.ts";
import { duplicate, fieldForbidden, invalidValue, missing, notSupported, required } from "../causes.ts";
import { child, children, isObject, type JsonObject, number, text } from "../draft.ts";
import type { Cause } from "../status.ts";
import { labelCauses, nameCauses } from "./names.ts";

const portName = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** Whether a number may be a TCP or UDP port. */
export function portCauses(field: string, value: unknown): Cause[] {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535) return [];
  return [invalidValue(field, value, "must be between 1 and 65535, inclusive")];
}

/** Whether a text may be the name of a container port (IANA service name). */
export function portNameCauses(field: string, name: string): Cause[] {
  const problems: string[] = [];
  if (name.length > 15) problems.push("must be no more than 15 bytes");
  if (!/^[-a-z0-9]+$/.test(name))
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(name)) problems.push("must contain at least one letter (a-z)");
  if (name.includes("--")) problems.push("must not contain consecutive hyphens");
  if (problems.length === 0 && !portName.test(name)) problems.push("must not begin or end with a hyphen");
  return problems.map((problem) => invalidValue(field, name, problem));
}

/**
 * Everything wrong with a pod's spec that would keep it from running, in Kubernetes' words. `claims` are names of volumes
 * that whoever makes the pod adds: a stateful set's claims.
 */
export function podSpecCauses(
  spec: JsonObject | undefined,
  field: string,
  claims: readonly string[] = [],
): Cause[] {
  const causes: Cause[] = [];
  const volumes = new Set<string>();
  for (const [i, volume] of children(spec, "volumes").entries()) {
    const name = text(volume, "name") ?? "";
    const at = `${field}.volumes[${i}].name`;
    if (name === "") causes.push(required(at));
    else if (volumes.has(name)) causes.push(duplicate(at, name));
    else causes.push(...nameCauses(at, name, "label"));
    volumes.add(name);
    if (Object.keys(volume).length > 2)
      causes.push(fieldForbidden(`${field}.volumes[${i}]`, "may not specify more than 1 volume type"));
  }
  for (const claim of claims) volumes.add(claim);
  const names = new Set<string>();
  for (const list of ["initContainers", "containers", "ephemeralContainers"])
    for (const [i, container] of children(spec, list).entries())
      causes.push(...containerCauses(container, `${field}.${list}[${i}]`, { names, volumes, list }));
  if (children(spec, "containers").length === 0) causes.push(required(`${field}.containers`));
  causes.push(
    ...oneOf(spec, field, "restartPolicy", ["Always", "OnFailure", "Never"]),
    ...oneOf(spec, field, "dnsPolicy", ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]),
    ...labelCauses(`${field}.nodeSelector`, child(spec, "nodeSelector")),
  );
  const grace = number(spec, "terminationGracePeriodSeconds");
  if (grace !== undefined && grace < 0)
    causes.push(
      invalidValue(`${field}.terminationGracePeriodSeconds`, grace, "must be greater than or equal to 0"),
    );
  const account = text(spec, "serviceAccountName");
  if (account !== undefined && account !== "")
    causes.push(...nameCauses(`${field}.serviceAccountName`, account, "subdomain"));
  for (const name of ["hostname", "subdomain"]) {
    const value = text(spec, name);
    if (value !== undefined && value !== "") causes.push(...nameCauses(`${field}.${name}`, value, "label"));
  }
  return causes;
}

interface ContainerScope {
  readonly names: Set<string>;
  readonly volumes: ReadonlySet<string>;
  readonly list: string;
}

function containerCauses(
  container: JsonObject,
  field: string,
  { names, volumes, list }: ContainerScope,
): Cause[] {
  const causes: Cause[] = [];
  const name = text(container, "name") ?? "";
  if (name === "") causes.push(required(`${field}.name`));
  else if (names.has(name)) causes.push(duplicate(`${field}.name`, name));
  else causes.push(...nameCauses(`${field}.name`, name, "label"));
  names.add(name);
  const image = text(container, "image") ?? "";
  if (image === "") causes.push(required(`${field}.image`));
  else if (image !== image.trim())
    causes.push(invalidValue(`${field}.image`, image, "must not have leading or trailing whitespace"));
  causes.push(...oneOf(container, field, "imagePullPolicy", ["Always", "IfNotPresent", "Never"]));
  const portNames = new Set<string>();
  for (const [i, port] of children(container, "ports").entries()) {
    const at = `${field}.ports[${i}]`;
    if (port["containerPort"] === undefined) causes.push(required(`${at}.containerPort`));
    else causes.push(...portCauses(`${at}.containerPort`, port["containerPort"]));
    const portText = text(port, "name") ?? "";
    if (portText !== "") {
      if (portNames.has(portText)) causes.push(duplicate(`${at}.name`, portText));
      causes.push(...portNameCauses(`${at}.name`, portText));
      portNames.add(portText);
    }
    causes.push(...oneOf(port, at, "protocol", ["SCTP", "TCP", "UDP"]));
  }
  for (const [i, variable] of children(container, "env").entries()) {
    const variableName = text(variable, "name") ?? "";
    if (variableName === "") causes.push(required(`${field}.env[${i}].name`));
    else if (!/^[ -<>-~]+$/.test(variableName))
      causes.push(
        invalidValue(
          `${field}.env[${i}].name`,
          variableName,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      );
    if (isObject(variable["valueFrom"]) && (text(variable, "value") ?? "") !== "")
      causes.push(
        invalidValue(`${field}.env[${i}].valueFrom`, "", "may not be specified when `value` is not empty"),
      );
  }
  const paths = new Set<string>();
  for (const [i, mount] of children(container, "volumeMounts").entries()) {
    const at = `${field}.volumeMounts[${i}]`;
    const volume = text(mount, "name") ?? "";
    if (volume === "") causes.push(required(`${at}.name`));
    else if (!volumes.has(volume)) causes.push(missing(`${at}.name`, volume));
    const path = text(mount, "mountPath") ?? "";
    if (path === "") causes.push(required(`${at}.mountPath`));
    else if (paths.has(path)) causes.push(invalidValue(`${at}.mountPath`, path, "must be unique"));
    paths.add(path);
  }
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"])
    causes.push(...probeCauses(child(container, probe), `${field}.${probe}`));
  if (list === "containers" && child(container, "livenessProbe")?.["successThreshold"] !== undefined) {
    const threshold = number(child(container, "livenessProbe"), "successThreshold");
    if (threshold !== undefined && threshold !== 1)
      causes.push(invalidValue(`${field}.livenessProbe.successThreshold`, threshold, "must be 1"));
  }
  return causes;
}

function probeCauses(probe: JsonObject | undefined, field: string): Cause[] {
  if (probe === undefined) return [];
  const handlers = ["exec", "httpGet", "tcpSocket", "grpc"].filter((name) => isObject(probe[name]));
  if (handlers.length === 0) return [required(field, "must specify a handler type")];
  const causes = handlers
    .slice(1)
    .map((name) => fieldForbidden(`${field}.${name}`, "may not specify more than 1 handler type"));
  for (const name of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ]) {
    const value = number(probe, name);
    if (value !== undefined && value < 0)
      causes.push(invalidValue(`${field}.${name}`, value, "must be greater than or equal to 0"));
  }
  for (const name of ["httpGet", "tcpSocket"]) {
    const port = child(probe, name)?.["port"];
    if (typeof port === "number") causes.push(...portCauses(`${field}.${name}.port`, port));
    else if (typeof port === "string") causes.push(...portNameCauses(`${field}.${name}.port`, port));
  }
  return causes;
}

function oneOf(
  parent: JsonObject | undefined,
  field: string,
  name: string,
  allowed: readonly string[],
): Cause[] {
  const value = text(parent, name);
  if (value === undefined || value === "") return [];
  return allowed.includes(value) ? [] : [notSupported(`${field}.${name}`, value, allowed)];
}

/** Fields of a running pod's spec that an update may change. */
const changeable = [
  "activeDeadlineSeconds",
  "terminationGracePeriodSeconds",
  "tolerations",
  "schedulingGates",
];

/** What an update changes in a pod's spec although nothing may. */
export function podUpdateCauses(spec: JsonObject | undefined, old: JsonObject | undefined): Cause[] {
  const fixed = (from: JsonObject | undefined) => {
    const rest: JsonObject = { ...from };
    for (const field of changeable) delete rest[field];
    for (const list of ["containers", "initContainers"])
      if (rest[list] !== undefined)
        rest[list] = children(rest, list).map(({ image: _image, ...container }) => container);
    return rest;
  };
  if (jsonEqual(fixed(spec), fixed(old))) return [];
  return [
    fieldForbidden(
      "spec",
      "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    ),
  ];
}

/** Guaranteed, Burstable or BestEffort, from the resources of a pod's containers. */
export function qosClass(spec: JsonObject | undefined): string {
  const containers = [...children(spec, "containers"), ...children(spec, "initContainers")];
  const amounts = containers.map((container) => {
    const resources = child(container, "resources");
    return { requests: child(resources, "requests") ?? {}, limits: child(resources, "limits") ?? {} };
  });
  if (amounts.every(({ requests, limits }) => Object.keys({ ...requests, ...limits }).length === 0))
    return "BestEffort";
  const guaranteed = amounts.every(({ requests, limits }) =>
    ["cpu", "memory"].every(
      (name) => limits[name] !== undefined && String(requests[name] ?? limits[name]) === String(limits[name]),
    ),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}
