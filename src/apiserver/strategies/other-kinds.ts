import { isIP } from "node:net";
import { jsonEqual, type KubeObject } from "../../kube/index.ts";
import { immutable, invalidValue, notSupported, required } from "../causes.ts";
import {
  child,
  children,
  type Draft,
  ensure,
  fillDefaults,
  type JsonObject,
  number,
  text,
  texts,
} from "../draft.ts";
import type { Strategy } from "../registry/resource-type.ts";
import type { Cause } from "../status.ts";

/** Rules of EndpointSlices. Loopback addresses are allowed: here every address is one. */
export const endpointSlices: Strategy = {
  countsGenerations: true,
  setDefaults(draft) {
    for (const port of children(draft, "ports")) fillDefaults(port, { name: "", protocol: "TCP" });
  },
  validate(slice) {
    const type = text(slice as JsonObject, "addressType") ?? "";
    const causes: Cause[] = [];
    if (type === "") causes.push(required("addressType"));
    else if (!["FQDN", "IPv4", "IPv6"].includes(type))
      causes.push(notSupported("addressType", type, ["FQDN", "IPv4", "IPv6"]));
    for (const [i, endpoint] of children(slice as JsonObject, "endpoints").entries()) {
      const addresses = texts(endpoint, "addresses");
      if (addresses.length === 0)
        causes.push(required(`endpoints[${i}].addresses`, "must contain at least 1 address"));
      for (const [j, address] of addresses.entries())
        if (type !== "FQDN" && isIP(address) === 0)
          causes.push(
            invalidValue(
              `endpoints[${i}].addresses[${j}]`,
              address,
              "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ),
          );
    }
    return causes;
  },
  validateUpdate: (slice, old) =>
    slice["addressType"] === old["addressType"] ? [] : [immutable("addressType", slice["addressType"])],
};

/** Rules of leases. */
export const leases: Strategy = { createsOnUpdate: true };

/** Rules of horizontal pod autoscalers, in the form of autoscaling/v2. */
export const autoscalers: Strategy = {
  setDefaults(draft) {
    const spec = ensure(draft, "spec");
    fillDefaults(spec, { minReplicas: 1 });
    if (children(spec, "metrics").length === 0) {
      const target = { type: "Utilization", averageUtilization: 80 };
      spec["metrics"] = [{ type: "Resource", resource: { name: "cpu", target } }];
    }
    const behavior = child(spec, "behavior");
    if (behavior === undefined) return;
    fillDefaults(ensure(behavior, "scaleUp"), {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [
        { type: "Pods", value: 4, periodSeconds: 15 },
        { type: "Percent", value: 100, periodSeconds: 15 },
      ],
    });
    fillDefaults(ensure(behavior, "scaleDown"), {
      selectPolicy: "Max",
      policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
    });
  },
  prepareCreate(draft) {
    draft["status"] = { desiredReplicas: 0, currentMetrics: null };
  },
  validate(object) {
    const spec = child(object, "spec");
    const most = number(spec, "maxReplicas") ?? 0;
    const least = number(spec, "minReplicas") ?? 1;
    const causes: Cause[] = [];
    if (most < 1) causes.push(invalidValue("spec.maxReplicas", most, "must be greater than 0"));
    if (least < 1) causes.push(invalidValue("spec.minReplicas", least, "must be greater than or equal to 1"));
    if (most < least)
      causes.push(invalidValue("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"));
    const target = child(spec, "scaleTargetRef");
    for (const field of ["kind", "name"])
      if ((text(target, field) ?? "") === "") causes.push(required(`spec.scaleTargetRef.${field}`));
    return causes;
  },
};

/** Rules of pod disruption budgets. */
export const disruptionBudgets: Strategy = {
  countsGenerations: true,
  prepareCreate(draft) {
    draft["status"] = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  validate(object) {
    const spec = child(object, "spec");
    if (spec?.["minAvailable"] === undefined || spec["maxUnavailable"] === undefined) return [];
    return [invalidValue("spec", spec, "minAvailable and maxUnavailable cannot be both set")];
  },
};

/** Rules of ingresses. */
export const ingresses: Strategy = {
  countsGenerations: true,
  prepareCreate(draft) {
    draft["status"] = { loadBalancer: {} };
  },
  validate(object) {
    const spec = child(object, "spec");
    const rules = children(spec, "rules");
    if (rules.length === 0 && spec?.["defaultBackend"] === undefined)
      return [invalidValue("spec", {}, "either `defaultBackend` or `rules` must be specified")];
    return rules.flatMap((rule, i) =>
      children(child(rule, "http"), "paths").flatMap((path, j) => {
        const at = `spec.rules[${i}].http.paths[${j}]`;
        const known = ["Exact", "ImplementationSpecific", "Prefix"];
        const type = text(path, "pathType") ?? "";
        if (type === "") return [required(`${at}.pathType`, "pathType must be specified")];
        const causes = known.includes(type) ? [] : [notSupported(`${at}.pathType`, type, known)];
        const value = text(path, "path") ?? "";
        if (type !== "ImplementationSpecific" && !value.startsWith("/"))
          causes.push(invalidValue(`${at}.path`, value, "must be an absolute path"));
        return causes;
      }),
    );
  },
};

/** Rules of network policies. */
export const networkPolicies: Strategy = {
  countsGenerations: true,
  setDefaults(draft) {
    const spec = ensure(draft, "spec");
    fillDefaults(spec, { policyTypes: spec["egress"] === undefined ? ["Ingress"] : ["Ingress", "Egress"] });
    for (const list of ["ingress", "egress"])
      for (const rule of children(spec, list))
        for (const port of children(rule, "ports")) fillDefaults(port, { protocol: "TCP" });
  },
};

/** Rules of ingress classes. */
export const ingressClasses: Strategy = { countsGenerations: true };

function webhookStrategy(extra: JsonObject): Strategy {
  return {
    countsGenerations: true,
    setDefaults(draft: Draft) {
      for (const webhook of children(draft, "webhooks")) {
        fillDefaults(webhook, {
          failurePolicy: "Fail",
          matchPolicy: "Equivalent",
          namespaceSelector: {},
          objectSelector: {},
          timeoutSeconds: 10,
          ...extra,
        });
        for (const rule of children(webhook, "rules")) fillDefaults(rule, { scope: "*" });
        const service = child(child(webhook, "clientConfig"), "service");
        if (service !== undefined) fillDefaults(service, { port: 443 });
      }
    },
    validate: (object) =>
      children(object as JsonObject, "webhooks").flatMap((webhook, i) => {
        const at = `webhooks[${i}]`;
        const causes: Cause[] = [];
        const name = text(webhook, "name") ?? "";
        if (name === "") causes.push(required(`${at}.name`));
        else if (name.split(".").length < 3)
          causes.push(
            invalidValue(
              `${at}.name`,
              name,
              "should be a domain with at least three segments separated by dots",
            ),
          );
        const config = child(webhook, "clientConfig");
        if ((config?.["url"] === undefined) === (config?.["service"] === undefined))
          causes.push(required(`${at}.clientConfig`, "exactly one of url or service is required"));
        const effects = text(webhook, "sideEffects") ?? "";
        if (effects === "")
          causes.push(required(`${at}.sideEffects`, "must specify one of None, NoneOnDryRun"));
        else if (!["None", "NoneOnDryRun"].includes(effects))
          causes.push(notSupported(`${at}.sideEffects`, effects, ["None", "NoneOnDryRun"]));
        const seconds = number(webhook, "timeoutSeconds") ?? 10;
        if (seconds < 1 || seconds > 30)
          causes.push(
            invalidValue(
              `${at}.timeoutSeconds`,
              seconds,
              "the timeout value must be between 1 and 30 seconds",
            ),
          );
        if (texts(webhook, "admissionReviewVersions").length === 0)
          causes.push(required(`${at}.admissionReviewVersions`, "must specify one of v1, v1beta1"));
        return causes;
      }),
  };
}

/** Rules of mutating webhook configurations. */
export const mutatingWebhooks: Strategy = webhookStrategy({ reinvocationPolicy: "Never" });
/** Rules of validating webhook configurations. */
export const validatingWebhooks: Strategy = webhookStrategy({});

function setMatchDefaults(match: JsonObject | undefined): void {
  if (match === undefined) return;
  fillDefaults(match, { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} });
  for (const list of ["resourceRules", "excludeResourceRules"])
    for (const rule of children(match, list)) fillDefaults(rule, { scope: "*" });
}

/** Rules of validating admission policies. */
export const admissionPolicies: Strategy = {
  countsGenerations: true,
  setDefaults(draft) {
    const spec = ensure(draft, "spec");
    fillDefaults(spec, { failurePolicy: "Fail" });
    setMatchDefaults(child(spec, "matchConstraints"));
  },
  prepareCreate(draft) {
    draft["status"] = {};
  },
  validate(object) {
    const spec = child(object, "spec");
    const causes: Cause[] = [];
    if (children(child(spec, "matchConstraints"), "resourceRules").length === 0)
      causes.push(required("spec.matchConstraints.resourceRules"));
    if (children(spec, "validations").length === 0 && children(spec, "auditAnnotations").length === 0)
      causes.push(required("spec.validations", "validations or auditAnnotations must be specified"));
    for (const [i, validation] of children(spec, "validations").entries())
      if ((text(validation, "expression") ?? "").trim() === "")
        causes.push(required(`spec.validations[${i}].expression`, "expression is not specified"));
    return causes;
  },
};

/** Rules of the bindings of validating admission policies. */
export const admissionPolicyBindings: Strategy = {
  countsGenerations: true,
  setDefaults: (draft) => setMatchDefaults(child(ensure(draft, "spec"), "matchResources")),
  validate(object) {
    const spec = child(object, "spec");
    const known = ["Audit", "Deny", "Warn"];
    const actions = texts(spec, "validationActions");
    return [
      ...((text(spec, "policyName") ?? "") === "" ? [required("spec.policyName")] : []),
      ...(actions.length === 0
        ? [required("spec.validationActions", "at least one validation action is required")]
        : []),
      ...actions.flatMap((action, i) =>
        known.includes(action) ? [] : [notSupported(`spec.validationActions[${i}]`, action, known)],
      ),
    ];
  },
};

function setBindingDefaults(draft: Draft): void {
  const role = child(draft, "roleRef");
  if (role !== undefined && !role["apiGroup"]) role["apiGroup"] = "rbac.authorization.k8s.io";
  for (const subject of children(draft, "subjects"))
    fillDefaults(subject, {
      ...(subject["kind"] === "ServiceAccount" ? {} : { apiGroup: "rbac.authorization.k8s.io" }),
    });
}

function bindingCauses(object: KubeObject): Cause[] {
  const role = child(object, "roleRef");
  const causes: Cause[] = [];
  const kinds = object.kind === "RoleBinding" ? ["Role", "ClusterRole"] : ["ClusterRole"];
  const kind = text(role, "kind") ?? "";
  if (!kinds.includes(kind)) causes.push(notSupported("roleRef.kind", kind, kinds));
  if ((text(role, "name") ?? "") === "") causes.push(required("roleRef.name"));
  for (const [i, subject] of children(object as JsonObject, "subjects").entries()) {
    const at = `subjects[${i}]`;
    if ((text(subject, "name") ?? "") === "") causes.push(required(`${at}.name`));
    const known = ["ServiceAccount", "User", "Group"];
    const what = text(subject, "kind") ?? "";
    if (!known.includes(what)) causes.push(notSupported(`${at}.kind`, what, known));
    if (
      what === "ServiceAccount" &&
      (text(subject, "namespace") ?? "") === "" &&
      object.kind !== "RoleBinding"
    )
      causes.push(required(`${at}.namespace`));
  }
  return causes;
}

/** Rules of role bindings and cluster role bindings. */
export const roleBindings: Strategy = {
  nameRule: "path",
  setDefaults(draft) {
    setBindingDefaults(draft);
    for (const subject of children(draft, "subjects"))
      if (subject["kind"] === "ServiceAccount" && draft.kind === "RoleBinding")
        subject["namespace"] ??= draft.metadata.namespace;
  },
  validate: bindingCauses,
  validateUpdate: (object, old) =>
    jsonEqual(object["roleRef"], old["roleRef"])
      ? []
      : [
          {
            ...immutable("roleRef", object["roleRef"]),
            message: invalidValue("", object["roleRef"], "cannot change roleRef").message,
          },
        ],
};

/** Rules of roles and cluster roles. Their names may hold a colon: "system:node". */
export const roles: Strategy = {
  nameRule: "path",
  setDefaults(draft) {
    draft["rules"] ??= [];
  },
  validate: (role) =>
    children(role as JsonObject, "rules").flatMap((rule, i) => {
      const at = `rules[${i}]`;
      const causes: Cause[] = [];
      if (texts(rule, "verbs").length === 0)
        causes.push(required(`${at}.verbs`, "verbs must contain at least one value"));
      if (texts(rule, "nonResourceURLs").length > 0) return causes;
      if (texts(rule, "apiGroups").length === 0)
        causes.push(required(`${at}.apiGroups`, "resource rules must supply at least one api group"));
      if (texts(rule, "resources").length === 0)
        causes.push(required(`${at}.resources`, "resource rules must supply at least one resource"));
      return causes;
    }),
};

/** Rules of certificate signing requests. */
export const signingRequests: Strategy = {
  setDefaults: (draft) =>
    fillDefaults(ensure(draft, "spec"), { usages: ["digital signature", "key encipherment"] }),
  prepareCreate(draft) {
    draft["status"] = {};
  },
  prepareUpdate(draft, old) {
    draft["spec"] = old["spec"];
  },
  selectableFields: { "spec.signerName": (object) => text(child(object, "spec"), "signerName") ?? "" },
};

/** Rules of APIServices. */
export const apiServices: Strategy = {
  setDefaults(draft) {
    const service = child(child(draft, "spec"), "service");
    if (service !== undefined) fillDefaults(service, { port: 443 });
  },
  prepareCreate(draft) {
    draft["status"] = {};
  },
};

/** Rules of storage classes. */
export const storageClasses: Strategy = {
  setDefaults: (draft) => fillDefaults(draft, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
};

/** Rules of custom resource definitions. */
export const definitions: Strategy = {
  countsGenerations: true,
  setDefaults(draft) {
    const spec = ensure(draft, "spec");
    const names = ensure(spec, "names");
    const kind = text(names, "kind") ?? "";
    fillDefaults(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
    fillDefaults(spec, { conversion: { strategy: "None" } });
  },
  validate(object) {
    const spec = child(object, "spec");
    const names = child(spec, "names");
    const causes: Cause[] = [];
    const wanted = `${text(names, "plural") ?? ""}.${text(spec, "group") ?? ""}`;
    if (object.metadata.name !== wanted)
      causes.push(
        invalidValue("metadata.name", object.metadata.name, 'must be spec.names.plural+"."+spec.group'),
      );
    for (const [field, parent] of [
      ["group", spec],
      ["plural", names],
      ["kind", names],
    ] as const)
      if ((text(parent, field) ?? "") === "")
        causes.push(required(parent === spec ? `spec.${field}` : `spec.names.${field}`));
    const scope = text(spec, "scope") ?? "";
    if (!["Cluster", "Namespaced"].includes(scope))
      causes.push(notSupported("spec.scope", scope, ["Cluster", "Namespaced"]));
    const versions = children(spec, "versions");
    const stored = versions.filter((version) => version["storage"] === true);
    if (stored.length !== 1)
      causes.push(
        invalidValue(
          "spec.versions",
          versions.map((version) => version["name"]),
          "must have exactly one version marked as storage version",
        ),
      );
    for (const [i, version] of versions.entries())
      if (child(child(version, "schema"), "openAPIV3Schema") === undefined)
        causes.push(required(`spec.versions[${i}].schema.openAPIV3Schema`, "schemas are required"));
    return causes;
  },
  validateUpdate: (object, old) =>
    (["group", "scope"] as const)
      .filter((field) => child(object, "spec")?.[field] !== child(old, "spec")?.[field])
      .map((field) => immutable(`spec.${field}`, child(object, "spec")?.[field])),
};
