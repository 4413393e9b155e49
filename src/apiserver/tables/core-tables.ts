import { formatQuantity, type KubeObject, parseQuantity } from "../../kube/index.ts";
import { defaultClassAnnotation } from "../admission/claim-admission.ts";
import { timeSince } from "./human-duration.ts";
import {
  age,
  at,
  columns,
  containerCells,
  count,
  formatLabels,
  list,
  map,
  shortList,
  type TableKind,
  text,
  textOr,
} from "./table-kind.ts";

/** The tables of the core group and of storage, by plural name. */
export const coreTables: Readonly<Record<string, TableKind>> = {
  services: {
    columns: columns("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector*"),
    cells: (service, now) => [
      service.metadata.name,
      text(service, "spec", "type"),
      textOr("<none>", service, "spec", "clusterIP"),
      externalIp(service),
      ports(service),
      age(service, now),
      formatLabels(map(service, "spec", "selector")),
    ],
  },
  nodes: {
    columns: columns(
      "Name",
      "Status",
      "Roles",
      "Age",
      "Version",
      "Internal-IP*",
      "External-IP*",
      "OS-Image*",
      "Kernel-Version*",
      "Container-Runtime*",
    ),
    cells: (node, now) => [
      node.metadata.name,
      nodeStatus(node),
      nodeRoles(node),
      age(node, now),
      text(node, "status", "nodeInfo", "kubeletVersion"),
      nodeAddress(node, "InternalIP"),
      nodeAddress(node, "ExternalIP"),
      textOr("<unknown>", node, "status", "nodeInfo", "osImage"),
      textOr("<unknown>", node, "status", "nodeInfo", "kernelVersion"),
      textOr("<unknown>", node, "status", "nodeInfo", "containerRuntimeVersion"),
    ],
  },
  namespaces: {
    columns: columns("Name", "Status", "Age"),
    cells: (namespace, now) => [
      namespace.metadata.name,
      text(namespace, "status", "phase"),
      age(namespace, now),
    ],
  },
  configmaps: {
    columns: columns("Name", "Data", "Age"),
    cells: (object, now) => [
      object.metadata.name,
      Object.keys(map(object, "data")).length + Object.keys(map(object, "binaryData")).length,
      age(object, now),
    ],
  },
  secrets: {
    columns: columns("Name", "Type", "Data", "Age"),
    cells: (secret, now) => [
      secret.metadata.name,
      text(secret, "type"),
      Object.keys(map(secret, "data")).length,
      age(secret, now),
    ],
  },
  serviceaccounts: {
    columns: columns("Name", "Age"),
    cells: (account, now) => [account.metadata.name, age(account, now)],
  },
  endpoints: {
    columns: columns("Name", "Endpoints", "Age"),
    cells: (endpoints, now) => [endpoints.metadata.name, formatEndpoints(endpoints), age(endpoints, now)],
  },
  replicationcontrollers: {
    columns: columns(
      "Name",
      "Desired:integer",
      "Current:integer",
      "Ready:integer",
      "Age",
      "Containers*",
      "Images*",
      "Selector*",
    ),
    cells: (controller, now) => [
      controller.metadata.name,
      count(controller, "spec", "replicas"),
      count(controller, "status", "replicas"),
      count(controller, "status", "readyReplicas"),
      age(controller, now),
      ...containerCells(at(controller, "spec", "template", "spec")),
      formatLabels(map(controller, "spec", "selector")),
    ],
  },
  podtemplates: {
    columns: columns("Name", "Containers", "Images", "Pod Labels"),
    cells: (template) => [
      template.metadata.name,
      ...containerCells(at(template, "template", "spec")),
      formatLabels(map(template, "template", "metadata", "labels")),
    ],
  },
  resourcequotas: {
    columns: columns("Name", "Request", "Limit", "Age"),
    cells: (quota, now) => {
      const { requests, limits } = quotaCells(quota);
      return [quota.metadata.name, requests, limits, age(quota, now)];
    },
  },
  persistentvolumeclaims: {
    columns: columns(
      "Name",
      "Status",
      "Volume",
      "Capacity",
      "Access Modes",
      "StorageClass",
      "VolumeAttributesClass",
      "Age",
      "VolumeMode*",
    ),
    cells: (claim, now) => {
      const isBound = text(claim, "spec", "volumeName") !== "";
      return [
        claim.metadata.name,
        claim.metadata.deletionTimestamp === undefined ? text(claim, "status", "phase") : "Terminating",
        text(claim, "spec", "volumeName"),
        isBound ? quantity(at(claim, "status", "capacity", "storage")) : "",
        isBound ? accessModes(list(claim, "status", "accessModes")) : "",
        text(claim, "spec", "storageClassName"),
        textOr("<unset>", claim, "spec", "volumeAttributesClassName"),
        age(claim, now),
        textOr("<unset>", claim, "spec", "volumeMode"),
      ];
    },
  },
  persistentvolumes: {
    columns: columns(
      "Name",
      "Capacity",
      "Access Modes",
      "Reclaim Policy",
      "Status",
      "Claim",
      "StorageClass",
      "VolumeAttributesClass",
      "Reason",
      "Age",
      "VolumeMode*",
    ),
    cells: (volume, now) => {
      const claim = at(volume, "spec", "claimRef");
      return [
        volume.metadata.name,
        quantity(at(volume, "spec", "capacity", "storage")),
        accessModes(list(volume, "spec", "accessModes")),
        text(volume, "spec", "persistentVolumeReclaimPolicy"),
        volume.metadata.deletionTimestamp === undefined ? text(volume, "status", "phase") : "Terminating",
        claim === undefined ? "" : `${text(claim, "namespace")}/${text(claim, "name")}`,
        text(volume, "spec", "storageClassName"),
        textOr("<unset>", volume, "spec", "volumeAttributesClassName"),
        text(volume, "status", "reason"),
        age(volume, now),
        textOr("<unset>", volume, "spec", "volumeMode"),
      ];
    },
  },
  storageclasses: {
    columns: columns(
      "Name",
      "Provisioner",
      "ReclaimPolicy",
      "VolumeBindingMode",
      "AllowVolumeExpansion",
      "Age",
    ),
    cells: (storageClass, now) => [
      `${storageClass.metadata.name}${storageClass.metadata.annotations?.[defaultClassAnnotation] === "true" ? " (default)" : ""}`,
      text(storageClass, "provisioner"),
      textOr("Delete", storageClass, "reclaimPolicy"),
      textOr("Immediate", storageClass, "volumeBindingMode"),
      at(storageClass, "allowVolumeExpansion") === true,
      age(storageClass, now),
    ],
  },
  events: {
    columns: columns(
      "Last Seen",
      "Type",
      "Reason",
      "Object",
      "Subobject*",
      "Source*",
      "Message",
      "First Seen*",
      "Count*",
      "Name*",
    ),
    cells: eventCells,
  },
};

function externalIp(service: KubeObject): string {
  const given = list(service, "spec", "externalIPs").map(String);
  switch (text(service, "spec", "type")) {
    case "ExternalName":
      return text(service, "spec", "externalName");
    case "LoadBalancer": {
      const addresses = [...loadBalancerAddresses(service), ...given];
      return addresses.length === 0 ? "<pending>" : addresses.join(",");
    }
    case "ClusterIP":
    case "NodePort":
      return given.length === 0 ? "<none>" : given.join(",");
    default:
      return "<unknown>";
  }
}

/** Addresses or host names that a load balancer has, each once, in order. */
export function loadBalancerAddresses(object: KubeObject): readonly string[] {
  const addresses = list(object, "status", "loadBalancer", "ingress").map(
    (ingress) => text(ingress, "ip") || text(ingress, "hostname"),
  );
  return [...new Set(addresses.filter((address) => address !== ""))].sort();
}

function ports(service: KubeObject): string {
  const texts = list(service, "spec", "ports").map((port) => {
    const node = count(port, "nodePort");
    return `${count(port, "port")}${node > 0 ? `:${node}` : ""}/${textOr("TCP", port, "protocol")}`;
  });
  return texts.length === 0 ? "<none>" : texts.join(",");
}

function nodeStatus(node: KubeObject): string {
  const ready = list(node, "status", "conditions").find((condition) => text(condition, "type") === "Ready");
  const status = ready === undefined ? "Unknown" : text(ready, "status") === "True" ? "Ready" : "NotReady";
  return at(node, "spec", "unschedulable") === true ? `${status},SchedulingDisabled` : status;
}

const rolePrefix = "node-role.kubernetes.io/";

function nodeRoles(node: KubeObject): string {
  const roles = new Set<string>();
  for (const [name, value] of Object.entries(node.metadata.labels ?? {})) {
    if (name.startsWith(rolePrefix) && name.length > rolePrefix.length)
      roles.add(name.slice(rolePrefix.length));
    else if (name === "kubernetes.io/role" && value !== "") roles.add(value);
  }
  return roles.size === 0 ? "<none>" : [...roles].sort().join(",");
}

function nodeAddress(node: KubeObject, type: string): string {
  const address = list(node, "status", "addresses").find((one) => text(one, "type") === type);
  return textOr("<none>", address, "address");
}

function formatEndpoints(endpoints: KubeObject): string {
  const subsets = list(endpoints, "subsets");
  if (subsets.length === 0) return "<none>";
  const addresses = subsets.flatMap((subset) => {
    const ips = list(subset, "addresses").map((address) => text(address, "ip"));
    const portsOf = list(subset, "ports");
    if (portsOf.length === 0) return ips;
    return portsOf.flatMap((port) =>
      ips.map((ip) => `${ip.includes(":") ? `[${ip}]` : ip}:${count(port, "port")}`),
    );
  });
  return shortList(addresses, 3);
}

function quantity(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") return "";
  const parsed = parseQuantity(value);
  return parsed === undefined ? String(value) : formatQuantity(parsed);
}

function quotaCells(quota: KubeObject): { requests: string; limits: string } {
  const [used, hard] = [map(quota, "status", "used"), map(quota, "status", "hard")];
  const parts = Object.keys(hard)
    .sort()
    .map((name) => ({ name, says: `${name}: ${quantity(used[name] ?? "0")}/${quantity(hard[name])}` }));
  const join = (limits: boolean) =>
    parts
      .filter(({ name }) => name.startsWith("limits") === limits)
      .map(({ says }) => says)
      .join(", ");
  return { requests: join(false), limits: join(true) };
}

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

function accessModes(modes: readonly unknown[]): string {
  const present = new Set(modes.map((mode) => shortModes[String(mode)]));
  return Object.values(shortModes)
    .filter((mode) => present.has(mode))
    .join(",");
}

/** Of events in the form of the core group and of events.k8s.io. */
function eventCells(event: KubeObject, now: number) {
  const involved = at(event, "involvedObject") ?? at(event, "regarding");
  const eventTime = text(event, "eventTime");
  const firstTime = text(event, "firstTimestamp") || text(event, "deprecatedFirstTimestamp") || eventTime;
  const lastTime = text(event, "lastTimestamp") || text(event, "deprecatedLastTimestamp") || firstTime;
  const series = at(event, "series");
  const last = series === undefined || series === null ? lastTime : text(series, "lastObservedTime");
  const seen =
    series === undefined || series === null
      ? count(event, "count") || count(event, "deprecatedCount") || 1
      : count(series, "count");
  const source = at(event, "source") ?? at(event, "deprecatedSource");
  const component =
    text(source, "component") || text(event, "reportingComponent") || text(event, "reportingController");
  const host =
    text(source, "host") || (text(source, "component") === "" ? text(event, "reportingInstance") : "");
  const kind = text(involved, "kind").toLowerCase();
  const name = text(involved, "name");
  return [
    timeSince(last, now),
    text(event, "type"),
    text(event, "reason"),
    name === "" ? kind : `${kind}/${name}`,
    text(involved, "fieldPath"),
    host === "" ? component : `${component}, ${host}`,
    (text(event, "message") || text(event, "note")).trim(),
    timeSince(firstTime, now),
    seen,
    event.metadata.name,
  ];
}
