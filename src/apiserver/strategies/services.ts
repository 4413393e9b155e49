import { isIP } from "node:net";
import type { KubeObject } from "../../kube/index.ts";
import { duplicate, fieldForbidden, immutable, invalidValue, notSupported, required } from "../causes.ts";
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
import { labelCauses, nameCauses, nameProblems } from "./names.ts";
import { portCauses, portNameCauses } from "./pod-validation.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

function setDefaults(draft: Draft): void {
  const spec = ensure(draft, "spec");
  fillDefaults(spec, { type: "ClusterIP", sessionAffinity: "None" });
  if (spec["sessionAffinity"] === "ClientIP")
    fillDefaults(ensure(ensure(spec, "sessionAffinityConfig"), "clientIP"), { timeoutSeconds: 10_800 });
  else delete spec["sessionAffinityConfig"];
  for (const port of children(spec, "ports")) {
    fillDefaults(port, { protocol: "TCP" });
    // Clients written in Go say 0 where they say nothing.
    const target = port["targetPort"];
    if (target === undefined || target === null || target === 0 || target === "")
      port["targetPort"] = port["port"];
  }
  const type = spec["type"];
  if (type === "ExternalName") return;
  fillDefaults(spec, { internalTrafficPolicy: "Cluster" });
  if (type === "NodePort" || type === "LoadBalancer")
    fillDefaults(spec, { externalTrafficPolicy: "Cluster" });
  if (type === "LoadBalancer") fillDefaults(spec, { allocateLoadBalancerNodePorts: true });
  // Whoever sets only one of the two forms means both.
  const first = texts(spec, "clusterIPs")[0];
  const single = text(spec, "clusterIP");
  if (single !== undefined && single !== "" && first === undefined) spec["clusterIPs"] = [single];
  else if (first !== undefined && single === undefined) spec["clusterIP"] = first;
  fillDefaults(spec, { ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" });
}

/** Fields that only some types have; a change of type takes them away as Kubernetes does. */
function prepareUpdate(draft: Draft, old: KubeObject): void {
  const spec = ensure(draft, "spec");
  const before = child(old, "spec");
  const type = spec["type"];
  if (type === "ExternalName") {
    if (before?.["type"] === "ExternalName") return;
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"])
      delete spec[field];
    for (const port of children(spec, "ports")) delete port["nodePort"];
    return;
  }
  const given = text(spec, "clusterIP") ?? "";
  if (given === "" && before?.["type"] !== "ExternalName") {
    spec["clusterIP"] = before?.["clusterIP"];
    spec["clusterIPs"] = before?.["clusterIPs"];
  }
  const wantsNodePorts = type === "NodePort" || type === "LoadBalancer";
  const previous = children(before, "ports");
  for (const port of children(spec, "ports")) {
    if (!wantsNodePorts && before?.["type"] !== type) delete port["nodePort"];
    const same = previous.find(
      (other) => other["port"] === port["port"] && other["protocol"] === port["protocol"],
    );
    if (wantsNodePorts && port["nodePort"] === undefined && same?.["nodePort"] !== undefined)
      port["nodePort"] = same["nodePort"];
  }
  if (!wantsNodePorts) delete spec["externalTrafficPolicy"];
  if (type !== "LoadBalancer") delete spec["allocateLoadBalancerNodePorts"];
}

function portsCauses(spec: JsonObject | undefined): Cause[] {
  const causes: Cause[] = [];
  const ports = children(spec, "ports");
  const names = new Set<string>();
  const numbers = new Set<string>();
  const headless = text(spec, "clusterIP") === "None";
  if (ports.length === 0 && !headless && text(spec, "type") !== "ExternalName")
    causes.push(required("spec.ports"));
  for (const [i, port] of ports.entries()) {
    const at = `spec.ports[${i}]`;
    const name = text(port, "name") ?? "";
    if (name === "" && ports.length > 1) causes.push(required(`${at}.name`));
    else if (name !== "") {
      causes.push(...nameCauses(`${at}.name`, name, "label"));
      if (names.has(name)) causes.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    causes.push(...portCauses(`${at}.port`, port["port"]));
    const target = port["targetPort"];
    if (typeof target === "string") causes.push(...portNameCauses(`${at}.targetPort`, target));
    else if (typeof target === "number") causes.push(...portCauses(`${at}.targetPort`, target));
    const protocol = text(port, "protocol") ?? "";
    if (!["SCTP", "TCP", "UDP"].includes(protocol))
      causes.push(notSupported(`${at}.protocol`, protocol, ["SCTP", "TCP", "UDP"]));
    const id = `${protocol}/${port["port"]}`;
    if (numbers.has(id)) causes.push(duplicate(at, { port: port["port"], protocol }));
    numbers.add(id);
    if (text(spec, "type") === "ClusterIP" && (number(port, "nodePort") ?? 0) !== 0)
      causes.push(fieldForbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
  }
  return causes;
}

function validate(object: KubeObject): Cause[] {
  const spec = child(object, "spec");
  const type = text(spec, "type") ?? "";
  const causes = [...portsCauses(spec), ...labelCauses("spec.selector", child(spec, "selector"))];
  if (!types.includes(type)) causes.push(notSupported("spec.type", type, types));
  const affinity = text(spec, "sessionAffinity") ?? "";
  if (!["ClientIP", "None"].includes(affinity))
    causes.push(notSupported("spec.sessionAffinity", affinity, ["ClientIP", "None"]));
  const clusterIp = text(spec, "clusterIP") ?? "";
  if (type === "ExternalName") {
    const external = (text(spec, "externalName") ?? "").replace(/\.$/, "");
    if (external === "") causes.push(required("spec.externalName"));
    else
      causes.push(
        ...nameProblems(external, "subdomain").map((problem) =>
          invalidValue("spec.externalName", external, problem),
        ),
      );
    if (clusterIp !== "" && clusterIp !== "None")
      causes.push(fieldForbidden("spec.clusterIPs[0]", "may not be set when `type` is 'ExternalName'"));
  } else if (clusterIp !== "" && clusterIp !== "None" && isIP(clusterIp) === 0) {
    causes.push(
      invalidValue(
        "spec.clusterIPs[0]",
        clusterIp,
        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
      ),
    );
  }
  if (clusterIp === "None" && (type === "NodePort" || type === "LoadBalancer"))
    causes.push(invalidValue("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`));
  return causes;
}

function validateUpdate(object: KubeObject, old: KubeObject): Cause[] {
  const spec = child(object, "spec");
  const before = child(old, "spec");
  const address = text(spec, "clusterIP") ?? "";
  const previous = text(before, "clusterIP") ?? "";
  const keeps = text(spec, "type") !== "ExternalName" && text(before, "type") !== "ExternalName";
  if (!keeps || previous === "" || previous === address) return [];
  return [
    {
      ...immutable("spec.clusterIPs[0]", [address]),
      message: invalidValue("", [address], "may not change once set").message,
    },
  ];
}

/** Rules of Services. Cluster addresses and node ports are handed out where the object is stored. */
export const services: Strategy = {
  nameRule: "label1035",
  setDefaults,
  prepareCreate(draft) {
    draft["status"] = { loadBalancer: {} };
  },
  prepareUpdate,
  validate,
  validateUpdate,
  selectableFields: {
    "spec.clusterIP": (service) => text(child(service, "spec"), "clusterIP") ?? "",
    "spec.type": (service) => text(child(service, "spec"), "type") ?? "",
  },
};
