import { fromAnnotation, isJsonObject, type JsonObject, jsonEqual, type KubeObject } from "../kube/index.ts";

/** Where kubectl keeps what it applied. */
export const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * An object as whoever made it may have written it: the fields that kubectl or a server-side apply says were given, with
 * the values that they have now; else all fields but those that API servers fill in.
 */
export function writtenForm(object: KubeObject): KubeObject {
  const given = givenFields(object);
  const { apiVersion, kind, metadata } = object;
  const { labels, annotations } = isJsonObject(given["metadata"]) ? given["metadata"] : {};
  const notes = isJsonObject(annotations) ? without(annotations, [lastApplied, fromAnnotation]) : {};
  const { metadata: _, apiVersion: __, kind: ___, status: ____, ...rest } = given;
  return {
    apiVersion,
    kind,
    metadata: {
      name: metadata.name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      ...(isJsonObject(labels) && Object.keys(labels).length > 0
        ? { labels: labels as Record<string, string> }
        : {}),
      ...(Object.keys(notes).length > 0 ? { annotations: notes as Record<string, string> } : {}),
    },
    ...rest,
  };
}

function givenFields(object: KubeObject): JsonObject {
  const live = object as unknown as JsonObject;
  const text = object.metadata.annotations?.[lastApplied];
  const applied = text === undefined ? undefined : parseObject(text);
  if (applied !== undefined) return shapedLike(live, applied);
  const sets = (object.metadata.managedFields ?? [])
    .filter(({ operation, subresource }) => operation === "Apply" && subresource === undefined)
    .map(({ fieldsV1 }) => fieldsV1)
    .filter(isJsonObject);
  if (sets.length > 0) return sets.map((set) => picked(live, set)).reduce(laidOver) as JsonObject;
  return withoutFilledIn(live);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The live values of the fields that `written` has, and of lists their live items. */
function shapedLike(live: JsonObject, written: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(written).flatMap(([name, value]) => {
      const now = live[name];
      return now === undefined ? [] : [[name, shapedValue(now, value)]];
    }),
  );
}

function shapedValue(live: unknown, written: unknown): unknown {
  if (isJsonObject(live) && isJsonObject(written)) return shapedLike(live, written);
  if (Array.isArray(live) && Array.isArray(written) && live.length === written.length)
    return live.map((item, i) => shapedValue(item, written[i]));
  return live;
}

/** The part of a value that a set of managed fields (FieldsV1) names. */
function picked(value: unknown, set: JsonObject): unknown {
  const below = Object.entries(set).filter(([element]) => element !== ".");
  if (below.length === 0) return set["."] === undefined ? value : Array.isArray(value) ? [] : {};
  if (isJsonObject(value))
    return Object.fromEntries(
      below.flatMap(([element, inner]) => {
        const name = element.startsWith("f:") ? element.slice(2) : undefined;
        return name === undefined || value[name] === undefined
          ? []
          : [[name, pickedChild(value[name], inner)]];
      }),
    );
  if (!Array.isArray(value)) return value;
  return value.flatMap((item: unknown, index) => {
    const [, inner] = below.find(([element]) => isItem(element, item, index)) ?? [];
    return inner === undefined ? [] : [pickedChild(item, inner)];
  });
}

function pickedChild(value: unknown, inner: unknown): unknown {
  return isJsonObject(inner) && Object.keys(inner).length > 0 ? picked(value, inner) : value;
}

/** Whether a path element ("k:" by keys, "v:" by value, "i:" by index) means an item. */
function isItem(element: string, item: unknown, index: number): boolean {
  const text = element.slice(2);
  switch (element.slice(0, 2)) {
    case "k:": {
      const keys = parseObject(text) ?? {};
      return (
        isJsonObject(item) && Object.entries(keys).every(([name, value]) => jsonEqual(item[name], value))
      );
    }
    case "v:":
      return jsonEqual(item, JSON.parse(text));
    default:
      return element === `i:${index}`;
  }
}

function laidOver(base: unknown, over: unknown): unknown {
  if (isJsonObject(base) && isJsonObject(over)) {
    const merged: Record<string, unknown> = { ...base };
    for (const [name, value] of Object.entries(over))
      merged[name] = name in base ? laidOver(base[name], value) : value;
    return merged;
  }
  return over;
}

/** What API servers put into objects that do not say it. Values that are as these are left out. */
const defaults: Readonly<Record<string, JsonObject>> = {
  Deployment: {
    progressDeadlineSeconds: 600,
    revisionHistoryLimit: 10,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
  },
  StatefulSet: {
    podManagementPolicy: "OrderedReady",
    revisionHistoryLimit: 10,
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
  },
  DaemonSet: {
    revisionHistoryLimit: 10,
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  },
  Service: {
    type: "ClusterIP",
    sessionAffinity: "None",
    internalTrafficPolicy: "Cluster",
    ipFamilyPolicy: "SingleStack",
    ipFamilies: ["IPv4"],
    externalTrafficPolicy: "Cluster",
    allocateLoadBalancerNodePorts: true,
  },
};
/** Another one in every cluster. */
const assigned: Readonly<Record<string, readonly string[]>> = {
  Service: ["clusterIP", "clusterIPs", "healthCheckNodePort"],
  Pod: ["nodeName"],
};

const podDefaults: JsonObject = {
  dnsPolicy: "ClusterFirst",
  restartPolicy: "Always",
  schedulerName: "default-scheduler",
  securityContext: {},
  terminationGracePeriodSeconds: 30,
};
const containerDefaults: JsonObject = {
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  resources: {},
};

function withoutFilledIn(live: JsonObject): JsonObject {
  const kind = String(live["kind"]);
  const { metadata, spec, status: _, ...rest } = live;
  if (!isJsonObject(spec)) return { ...rest, metadata, ...(spec === undefined ? {} : { spec }) };
  const isHeadless = spec["clusterIP"] === "None";
  const kept = without(withoutEqual(spec, defaults[kind] ?? {}), assigned[kind] ?? []);
  const template = kept["template"];
  return {
    ...rest,
    metadata,
    spec: {
      ...kept,
      ...(isHeadless ? { clusterIP: "None" } : {}),
      ...(isJsonObject(template) ? { template: slimTemplate(template) } : {}),
    },
  };
}

function slimTemplate({ metadata, spec, ...rest }: JsonObject): JsonObject {
  const { creationTimestamp: _, ...kept } = isJsonObject(metadata) ? metadata : {};
  const pod = isJsonObject(spec) ? withoutEqual(spec, podDefaults) : {};
  const containers = pod["containers"];
  return {
    ...rest,
    metadata: kept,
    spec: Array.isArray(containers)
      ? {
          ...pod,
          containers: containers.map((one: unknown) =>
            isJsonObject(one) ? withoutEqual(one, containerDefaults) : one,
          ),
        }
      : pod,
  };
}

function withoutEqual(object: JsonObject, other: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name, value]) => !jsonEqual(value, other[name])));
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
