import { formatLabelSelector, type KubeObject, type LabelSelector } from "../../kube/index.ts";
import { invalidValue } from "../causes.ts";
import { pathValue, setPathValue } from "../custom-resources/field-path.ts";
import { child, type Draft, draftOf, number } from "../draft.ts";
import type { ResourceType, ScalePaths } from "../registry/resource-type.ts";
import { invalid, methodNotAllowed, notFound } from "../status.ts";
import type { Part } from "./parts.ts";

const workloadPaths: ScalePaths = { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas" };

/** autoscaling/v1 Scale as a resource, so that bodies are decoded like those of any kind. */
function scaleType(type: ResourceType): ResourceType {
  return {
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    listKind: "ScaleList",
    plural: type.plural,
    singular: "scale",
    shortNames: [],
    categories: [],
    namespaced: type.namespaced,
    verbs: [],
    subresources: [],
    storedAs: type.storedAs,
    storedVersion: "autoscaling/v1",
    strategy: {},
  };
}

/** The scale subresource: how many replicas there shall be, are, and how to find them. */
export function scalePart(type: ResourceType): Part {
  if (!type.subresources.some(({ name }) => name === "scale")) throw methodNotAllowed();
  const paths = type.custom === undefined ? workloadPaths : type.custom.scale;
  if (paths === undefined) throw notFound(type, "scale");
  return {
    bodyType: scaleType(type),
    changes: "other",
    read(object) {
      const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
      const selector = selectorText(type, paths, object);
      return {
        kind: "Scale",
        apiVersion: "autoscaling/v1",
        metadata: {
          name,
          ...(namespace === undefined ? {} : { namespace }),
          ...(uid === undefined ? {} : { uid }),
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
          ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
        },
        spec: { replicas: pathValue(object, paths.specReplicas) ?? 0 },
        status: {
          replicas: pathValue(object, paths.statusReplicas) ?? 0,
          ...(selector === undefined ? {} : { selector }),
        },
      };
    },
    write(old, sent) {
      const replicas = number(child(sent, "spec"), "replicas") ?? 0;
      if (replicas < 0)
        throw invalid({ group: "autoscaling", kind: "Scale" }, old.metadata.name, [
          invalidValue("spec.replicas", replicas, "must be greater than or equal to 0"),
        ]);
      const draft: Draft = draftOf(old);
      if (sent.metadata.resourceVersion === undefined) delete draft.metadata.resourceVersion;
      else draft.metadata.resourceVersion = sent.metadata.resourceVersion;
      setPathValue(draft, paths.specReplicas, replicas);
      return draft;
    },
  };
}

function selectorText(type: ResourceType, paths: ScalePaths, object: KubeObject): string | undefined {
  if (type.custom !== undefined) {
    const value = paths.labelSelector === undefined ? undefined : pathValue(object, paths.labelSelector);
    return typeof value === "string" ? value : undefined;
  }
  const selector = child(child(object, "spec"), "selector");
  if (selector === undefined) return undefined;
  // Replication controllers select by plain labels.
  const labels = type.kind === "ReplicationController" ? { matchLabels: selector } : selector;
  return formatLabelSelector(labels as LabelSelector);
}
