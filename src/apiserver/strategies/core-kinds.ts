import { jsonEqual, type KubeObject } from "../../kube/index.ts";
import { fieldForbidden, immutable, invalidValue, required, tooLong } from "../causes.ts";
import {
  child,
  children,
  type Draft,
  ensure,
  fillDefaults,
  isObject,
  type JsonObject,
  text,
  texts,
} from "../draft.ts";
import type { Strategy } from "../registry/resource-type.ts";
import type { Cause } from "../status.ts";
import { configKeyProblems } from "./names.ts";

/** Finalizer that keeps a namespace until its content is gone; it lives in the spec, not in the metadata. */
export const namespaceFinalizer = "kubernetes";

/** Rules of namespaces: labelled with their own name, held by their finalizer. */
export const namespaces: Strategy = {
  nameRule: "label",
  setDefaults(draft) {
    const labels = { ...draft.metadata.labels };
    if (draft.metadata.name !== undefined) labels["kubernetes.io/metadata.name"] = draft.metadata.name;
    draft.metadata.labels = labels;
  },
  prepareCreate(draft) {
    const spec = ensure(draft, "spec");
    if (!texts(spec, "finalizers").includes(namespaceFinalizer))
      spec["finalizers"] = [...texts(spec, "finalizers"), namespaceFinalizer];
    draft["status"] = { phase: "Active" };
  },
  prepareUpdate(draft, old) {
    draft["spec"] = old["spec"]; // Only the finalize subresource changes it.
  },
  selectableFields: {
    "status.phase": (namespace) => text(child(namespace, "status"), "phase") ?? "",
  },
};

/** Rules of nodes. */
export const nodes: Strategy = {
  createsOnUpdate: false,
  setDefaults(draft) {
    ensure(draft, "spec");
  },
  validate: (node) =>
    children(child(node, "spec"), "taints").flatMap((taint, i) => {
      const effect = text(taint, "effect") ?? "";
      const known = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
      return known.includes(effect)
        ? []
        : [
            {
              reason: "FieldValueNotSupported",
              field: `metadata.taints[${i}].effect`,
              message: `Unsupported value: ${JSON.stringify(effect)}: supported values: ${known.map((one) => JSON.stringify(one)).join(", ")}`,
            },
          ];
    }),
  selectableFields: {
    "spec.unschedulable": (node) => String(child(node, "spec")?.["unschedulable"] === true),
  },
};

function keyCauses(map: JsonObject | undefined, field: string): Cause[] {
  return Object.keys(map ?? {}).flatMap((name) =>
    configKeyProblems(name).map((problem) => invalidValue(`${field}[${name}]`, name, problem)),
  );
}

/** Most bytes in a ConfigMap or Secret. */
const largest = 1024 * 1024;

function sizeOf(map: JsonObject | undefined): number {
  return Object.values(map ?? {}).reduce((sum: number, value) => sum + String(value).length, 0);
}

/** An object marked immutable keeps its content and the mark. */
function frozenCauses(object: KubeObject, old: KubeObject, fields: readonly string[]): Cause[] {
  if (old["immutable"] !== true) return [];
  const causes = fields
    .filter((field) => !jsonEqual(object[field] ?? {}, old[field] ?? {}))
    .map((field) => fieldForbidden(field, "field is immutable when `immutable` is set"));
  if (object["immutable"] !== true)
    causes.unshift(fieldForbidden("immutable", "field is immutable when `immutable` is set"));
  return causes;
}

/** Rules of ConfigMaps. */
export const configMaps: Strategy = {
  validate(object) {
    const content = child(object, "data");
    const binary = child(object, "binaryData");
    const twice = Object.keys(content ?? {}).filter((name) => binary !== undefined && name in binary);
    return [
      ...keyCauses(content, "data"),
      ...keyCauses(binary, "binaryData"),
      ...twice.map((name) => invalidValue(`data[${name}]`, name, "duplicate of key present in binaryData")),
      ...(sizeOf(content) + sizeOf(binary) > largest ? [tooLong("", largest)] : []),
    ];
  },
  validateUpdate: (object, old) => frozenCauses(object, old, ["data", "binaryData"]),
};

/** Keys that a Secret of a known type must have. */
const secretKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
};

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Rules of Secrets. */
export const secrets: Strategy = {
  setDefaults(draft: Draft) {
    draft["type"] ||= "Opaque";
    const plain = child(draft, "stringData");
    delete draft["stringData"];
    if (plain === undefined) return;
    const content = ensure(draft, "data");
    for (const [name, value] of Object.entries(plain))
      content[name] = Buffer.from(String(value)).toString("base64");
  },
  validate(object) {
    const content = child(object, "data");
    const type = text(object as JsonObject, "type") ?? "";
    const causes = keyCauses(content, "data");
    for (const [name, value] of Object.entries(content ?? {}))
      if (typeof value === "string" && !base64.test(value))
        causes.push(invalidValue(`data[${name}]`, "<secret contents redacted>", "must be base64"));
    if (sizeOf(content) > largest * 1.4) causes.push(tooLong("data", largest));
    for (const name of Object.hasOwn(secretKeys, type) ? (secretKeys[type] ?? []) : [])
      if (content?.[name] === undefined) causes.push(required(`data[${name}]`));
    const account = object.metadata.annotations?.["kubernetes.io/service-account.name"] ?? "";
    if (type === "kubernetes.io/service-account-token" && account === "")
      causes.push(required("metadata.annotations[kubernetes.io/service-account.name]"));
    return causes;
  },
  validateUpdate: (object, old) => [
    ...(object["type"] === old["type"] ? [] : [immutable("type", object["type"])]),
    ...frozenCauses(object, old, ["data"]),
  ],
  selectableFields: { type: (secret) => text(secret as JsonObject, "type") ?? "" },
};

/** Rules of service accounts. */
export const serviceAccounts: Strategy = {};

/** Rules of events, in the form of the core group. */
export const events: Strategy = {
  updatesBlindly: true,
  setDefaults(draft) {
    const object = ensure(draft, "involvedObject");
    fillDefaults(draft, { metadata: {}, source: {}, reportingComponent: "", reportingInstance: "" });
    draft["firstTimestamp"] ??= null;
    draft["lastTimestamp"] ??= null;
    draft["eventTime"] ??= null;
    if (draft.metadata.namespace === undefined && typeof object["namespace"] === "string")
      draft.metadata.namespace = object["namespace"];
  },
  validate(event) {
    const about = text(child(event, "involvedObject"), "namespace") ?? "";
    const place = event.metadata.namespace ?? "";
    if (about === place || (about === "" && place === "default")) return [];
    return [invalidValue("involvedObject.namespace", about, "does not match event.namespace")];
  },
  selectableFields: Object.fromEntries([
    ...["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((field) => [
      `involvedObject.${field}`,
      (event: KubeObject) => text(child(event, "involvedObject"), field) ?? "",
    ]),
    ...["reason", "type", "reportingComponent"].map((field) => [
      field,
      (event: KubeObject) => text(event as JsonObject, field) ?? "",
    ]),
    ["source", (event: KubeObject) => text(child(event, "source"), "component") ?? ""],
  ]),
};

function setEndpointDefaults(draft: Draft): void {
  for (const subset of children(draft, "subsets"))
    for (const port of children(subset, "ports")) fillDefaults(port, { protocol: "TCP" });
}

/** Rules of Endpoints. */
export const endpoints: Strategy = { setDefaults: setEndpointDefaults, createsOnUpdate: true };

/** Rules of persistent volume claims. */
export const volumeClaims: Strategy = {
  setDefaults: (draft) => fillDefaults(ensure(draft, "spec"), { volumeMode: "Filesystem" }),
  prepareCreate(draft) {
    draft["status"] = { phase: "Pending" };
  },
  validate: (object) => {
    const spec = child(object, "spec");
    const causes: Cause[] = [];
    if (texts(spec, "accessModes").length === 0)
      causes.push(required("spec.accessModes", "at least 1 access mode is required"));
    if (
      !isObject(child(child(spec, "resources"), "requests")?.["storage"]) &&
      child(child(spec, "resources"), "requests")?.["storage"] === undefined
    )
      causes.push(required("spec.resources[storage]"));
    return causes;
  },
};

/** Rules of persistent volumes. */
export const volumes: Strategy = {
  setDefaults: (draft) =>
    fillDefaults(ensure(draft, "spec"), {
      volumeMode: "Filesystem",
      persistentVolumeReclaimPolicy: "Retain",
    }),
  prepareCreate(draft) {
    draft["status"] = { phase: "Pending" };
  },
};

/** Rules of the priority classes. */
export const priorityClasses: Strategy = {
  setDefaults: (draft) => fillDefaults(draft, { preemptionPolicy: "PreemptLowerPriority" }),
  validateUpdate: (object, old) =>
    (object["value"] ?? 0) === (old["value"] ?? 0)
      ? []
      : [fieldForbidden("value", "may not be changed in an update.")],
};
