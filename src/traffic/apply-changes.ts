import { parse } from "yaml";
import {
  isJsonObject,
  type JsonObject,
  type KubeObject,
  objectKey,
  type Service,
  systemNamespace,
} from "../kube/index.ts";
import { type ClusterObjects, objectId } from "./cluster-objects.ts";
import { settleWorkloads } from "./settle-workloads.ts";

/** What an apply would do to one cluster. */
export type Effect =
  /** Without `before` it is made, without `after` it goes. */
  | { readonly kind: "object"; readonly before?: KubeObject; readonly after?: KubeObject }
  /** A Helm release gets other values; without `before` it is new. */
  | {
      readonly kind: "release";
      readonly chart: string;
      readonly before?: JsonObject;
      readonly after: JsonObject;
    };

/** A stand-in for an address that a load balancer or a cluster IP range will give: of RFC 2544, so nobody's. */
export function plannedAddress(number: number): string {
  return `198.18.${(number >> 8) & 255}.${number & 255}`;
}

/**
 * The cluster as it will be when an apply is done and its controllers have come to rest: pods for new workloads,
 * endpoints for what Services select, addresses for new load balancers. Of charts only istiod's counts, by the mesh
 * configuration in its values; what other charts bring is not known before Helm renders them.
 */
export function applyChanges(before: ClusterObjects, effects: readonly Effect[]): ClusterObjects {
  const objects = new Map(before.objects);
  for (const effect of effects) {
    if (effect.kind === "release") {
      const config = meshConfigAfter(objects, effect);
      if (config !== undefined) objects.set(objectId(config), config);
      continue;
    }
    if (effect.after !== undefined) objects.set(objectId(effect.after), keepStatus(effect.after, objects));
    else if (effect.before !== undefined) remove(objects, effect.before);
  }
  giveAddresses(before, objects);
  return settleWorkloads(before, { cluster: before.cluster, objects });
}

/** What an API server answers to a dry run of something new has no status, and that of something changed keeps it. */
function keepStatus(object: KubeObject, objects: ReadonlyMap<string, KubeObject>): KubeObject {
  const present = objects.get(objectId(object));
  return present?.["status"] === undefined || object["status"] !== undefined
    ? object
    : { ...object, status: present["status"] };
}

function remove(objects: Map<string, KubeObject>, object: KubeObject): void {
  objects.delete(objectId(object));
  if (object.kind !== "Namespace" || object.apiVersion !== "v1") return;
  for (const [id, other] of objects)
    if (other.metadata.namespace === object.metadata.name) objects.delete(id);
}

function giveAddresses(before: ClusterObjects, objects: Map<string, KubeObject>): void {
  // Not the same in two clusters: gateways are told apart by them.
  let next = [...before.cluster].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 65_000, 7);
  for (const [id, object] of objects) {
    if (object.kind !== "Service" || object.apiVersion !== "v1" || before.objects.has(id)) continue;
    const service = object as Service;
    const { type, clusterIP } = service.spec;
    const isWaiting = type === "LoadBalancer" && service.status?.loadBalancer?.ingress === undefined;
    objects.set(id, {
      ...service,
      spec: { ...service.spec, clusterIP: clusterIP || plannedAddress(next++) },
      ...(isWaiting ? { status: { loadBalancer: { ingress: [{ ip: plannedAddress(next++) }] } } } : {}),
    });
  }
}

/** Istio's ConfigMap with the mesh configuration that a release of istiod will have; undefined for other charts. */
function meshConfigAfter(
  objects: ReadonlyMap<string, KubeObject>,
  { chart, before = {}, after }: Extract<Effect, { kind: "release" }>,
): KubeObject | undefined {
  if (chart !== "istiod" || after["profile"] === "remote") return undefined;
  const revision = after["revision"];
  const name = typeof revision === "string" && revision !== "" ? `istio-${revision}` : "istio";
  const present = [...objects.values()].find(
    (object) => object.kind === "ConfigMap" && objectKey(object) === `${systemNamespace}/${name}`,
  );
  const data = isJsonObject(present?.["data"]) ? present["data"] : {};
  const mesh = merge(without(yamlOf(data["mesh"]), field(before, "meshConfig")), field(after, "meshConfig"));
  const networks = field(field(after, "global"), "meshNetworks");
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: present?.metadata ?? { name, namespace: systemNamespace },
    // JSON is YAML.
    data: {
      ...data,
      mesh: JSON.stringify(mesh),
      meshNetworks:
        Object.keys(networks).length === 0 && present !== undefined
          ? (data["meshNetworks"] ?? "")
          : JSON.stringify({ networks }),
    },
  };
}

function yamlOf(text: unknown): JsonObject {
  const value: unknown = typeof text === "string" && text !== "" ? parse(text) : {};
  return isJsonObject(value) ? value : {};
}

function field(of: JsonObject, name: string): JsonObject {
  const value = of[name];
  return isJsonObject(value) ? value : {};
}

function merge(base: JsonObject, over: JsonObject): JsonObject {
  const merged = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const present = base[name];
    merged[name] = isJsonObject(present) && isJsonObject(value) ? merge(present, value) : value;
  }
  return merged;
}

/** `base` without what `given` once added to it. */
function without(base: JsonObject, given: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(base).flatMap(([name, value]) => {
      const old = given[name];
      if (old === undefined) return [[name, value]];
      return isJsonObject(value) && isJsonObject(old) ? [[name, without(value, old)]] : [];
    }),
  );
}
