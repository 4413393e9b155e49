import { formatLabelSelector, type KubeObject, type LabelSelector } from "../../kube/index.ts";
import { loadBalancerAddresses } from "./core-tables.ts";
import { humanDuration } from "./human-duration.ts";
import { age, at, columns, count, list, shortList, type TableKind, text, textOr } from "./table-kind.ts";

/** Kinds that Kubernetes shows by name and time of creation only. */
const createdAt: TableKind = {
  columns: columns("Name", "Created At:date"),
  cells: (object) => [object.metadata.name, object.metadata.creationTimestamp ?? null],
};

const webhooks: TableKind = {
  columns: columns("Name", "Webhooks:integer", "Age"),
  cells: (object, now) => [object.metadata.name, list(object, "webhooks").length, age(object, now)],
};

const bindings: TableKind = {
  columns: columns("Name", "Role", "Age", "Users*", "Groups*", "ServiceAccounts*"),
  cells: (binding, now) => [
    binding.metadata.name,
    `${text(binding, "roleRef", "kind")}/${text(binding, "roleRef", "name")}`,
    age(binding, now),
    subjects(binding, "User"),
    subjects(binding, "Group"),
    subjects(binding, "ServiceAccount"),
  ],
};

/** The tables of the remaining groups, by plural name. */
export const otherTables: Readonly<Record<string, TableKind>> = {
  limitranges: createdAt,
  roles: createdAt,
  clusterroles: createdAt,
  customresourcedefinitions: createdAt,
  rolebindings: bindings,
  clusterrolebindings: bindings,
  validatingwebhookconfigurations: webhooks,
  mutatingwebhookconfigurations: webhooks,
  poddisruptionbudgets: {
    columns: columns("Name", "Min Available", "Max Unavailable", "Allowed Disruptions:integer", "Age"),
    cells: (budget, now) => [
      budget.metadata.name,
      textOr("N/A", budget, "spec", "minAvailable"),
      textOr("N/A", budget, "spec", "maxUnavailable"),
      count(budget, "status", "disruptionsAllowed"),
      age(budget, now),
    ],
  },
  ingresses: {
    columns: columns("Name", "Class", "Hosts", "Address", "Ports", "Age"),
    cells: (ingress, now) => [
      ingress.metadata.name,
      textOr("<none>", ingress, "spec", "ingressClassName"),
      hosts(ingress),
      loadBalancerAddresses(ingress).join(","),
      list(ingress, "spec", "tls").length > 0 ? "80, 443" : "80",
      age(ingress, now),
    ],
  },
  ingressclasses: {
    columns: columns("Name", "Controller", "Parameters", "Age"),
    cells: (ingressClass, now) => {
      const parameters = at(ingressClass, "spec", "parameters");
      const group = text(parameters, "apiGroup");
      const kind = `${text(parameters, "kind")}${group === "" ? "" : `.${group}`}`;
      return [
        ingressClass.metadata.name,
        text(ingressClass, "spec", "controller"),
        parameters === undefined ? "<none>" : `${kind}/${text(parameters, "name")}`,
        age(ingressClass, now),
      ];
    },
  },
  networkpolicies: {
    columns: columns("Name", "Pod-Selector", "Age"),
    cells: (policy, now) => [
      policy.metadata.name,
      formatLabelSelector((at(policy, "spec", "podSelector") ?? {}) as LabelSelector),
      age(policy, now),
    ],
  },
  endpointslices: {
    columns: columns("Name", "AddressType", "Ports", "Endpoints", "Age"),
    cells: (slice, now) => [
      slice.metadata.name,
      text(slice, "addressType"),
      shortList(
        list(slice, "ports").map((port) => text(port, "port") || textOr("*", port, "name")),
        3,
      ) || "<unset>",
      shortList(
        list(slice, "endpoints").flatMap((endpoint) => list(endpoint, "addresses").map(String)),
        3,
      ) || "<unset>",
      age(slice, now),
    ],
  },
  leases: {
    columns: columns("Name", "Holder", "Age"),
    cells: (lease, now) => [lease.metadata.name, text(lease, "spec", "holderIdentity"), age(lease, now)],
  },
  validatingadmissionpolicies: {
    columns: columns("Name", "Validations:integer", "ParamKind", "Age"),
    cells: (policy, now) => {
      const kind = at(policy, "spec", "paramKind");
      return [
        policy.metadata.name,
        list(policy, "spec", "validations").length,
        kind === undefined ? "<unset>" : `${text(kind, "apiVersion")}/${text(kind, "kind")}`,
        age(policy, now),
      ];
    },
  },
  validatingadmissionpolicybindings: {
    columns: columns("Name", "PolicyName", "ParamRef", "Age"),
    cells: (binding, now) => {
      const reference = at(binding, "spec", "paramRef");
      const namespace = text(reference, "namespace");
      const name = text(reference, "name");
      return [
        binding.metadata.name,
        text(binding, "spec", "policyName"),
        reference === undefined ? "<unset>" : namespace === "" ? name : `${namespace}/${name}`,
        age(binding, now),
      ];
    },
  },
  certificatesigningrequests: {
    columns: columns("Name", "Age", "SignerName", "Requestor", "RequestedDuration", "Condition"),
    cells: (request, now) => {
      const seconds = at(request, "spec", "expirationSeconds");
      return [
        request.metadata.name,
        age(request, now),
        textOr("<none>", request, "spec", "signerName"),
        text(request, "spec", "username"),
        typeof seconds === "number" ? humanDuration(seconds * 1000) : "<none>",
        signingState(request),
      ];
    },
  },
  priorityclasses: {
    columns: columns("Name", "Value:integer", "Global-Default:boolean", "Age", "PreemptionPolicy"),
    cells: (priorityClass, now) => [
      priorityClass.metadata.name,
      count(priorityClass, "value"),
      at(priorityClass, "globalDefault") === true,
      age(priorityClass, now),
      text(priorityClass, "preemptionPolicy"),
    ],
  },
  apiservices: {
    columns: columns("Name", "Service", "Available", "Age"),
    cells: (service, now) => {
      const target = at(service, "spec", "service");
      const isLocal = target === undefined || target === null;
      return [
        service.metadata.name,
        isLocal ? "Local" : `${text(target, "namespace")}/${text(target, "name")}`,
        availability(service),
        age(service, now),
      ];
    },
  },
};

function subjects(binding: KubeObject, kind: string): string {
  return list(binding, "subjects")
    .filter((subject) => text(subject, "kind") === kind)
    .map((subject) =>
      kind === "ServiceAccount"
        ? `${text(subject, "namespace")}/${text(subject, "name")}`
        : text(subject, "name"),
    )
    .join(", ");
}

function hosts(ingress: KubeObject): string {
  const rules = list(ingress, "spec", "rules");
  const named = rules.map((rule) => text(rule, "host")).filter((host) => host !== "");
  if (named.length === 0) return "*";
  return named.length > 3 ? `${named.slice(0, 3).join(",")} + ${rules.length - 3} more...` : named.join(",");
}

function signingState(request: KubeObject): string {
  const types = list(request, "status", "conditions").map((condition) => text(condition, "type"));
  const decided = types.includes("Denied") ? "Denied" : types.includes("Approved") ? "Approved" : "Pending";
  const failed = types.includes("Failed") ? ",Failed" : "";
  return `${decided}${failed}${text(request, "status", "certificate") === "" ? "" : ",Issued"}`;
}

function availability(service: KubeObject): string {
  const condition = list(service, "status", "conditions").find((one) => text(one, "type") === "Available");
  if (condition === undefined) return "Unknown";
  const status = text(condition, "status");
  return status === "True" ? status : `${status} (${text(condition, "reason")})`;
}
