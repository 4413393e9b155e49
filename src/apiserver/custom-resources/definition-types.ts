import type { KubeObject } from "../../kube/index.ts";
import { child, children, type JsonObject, text, texts } from "../draft.ts";
import type {
  CustomVersion,
  PrinterColumn,
  ResourceType,
  ScalePaths,
  Subresource,
  Verb,
} from "../registry/resource-type.ts";

const verbs: readonly Verb[] = [
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "create",
  "update",
  "watch",
];
const partVerbs = ["get", "patch", "update"];

/** The resources that an established custom resource definition brings, one for each served version. */
export function definitionTypes(definition: KubeObject): ResourceType[] {
  const spec = child(definition, "spec");
  const names = child(child(definition, "status"), "acceptedNames") ?? child(spec, "names");
  const group = text(spec, "group") ?? "";
  const kind = text(names, "kind") ?? "";
  const plural = text(names, "plural") ?? "";
  const versions = children(spec, "versions");
  const stored = versions.find((version) => version["storage"] === true);
  // While a definition goes, its objects go with it and no new ones come.
  const isEnding = definition.metadata.deletionTimestamp !== undefined;
  return versions
    .filter((version) => version["served"] === true)
    .map((version) => {
      const custom = customVersion(version, group, kind);
      const warning = custom.deprecationWarning;
      return {
        group,
        version: text(version, "name") ?? "",
        kind,
        listKind: text(names, "listKind") ?? `${kind}List`,
        plural,
        singular: text(names, "singular") ?? kind.toLowerCase(),
        shortNames: texts(names, "shortNames"),
        categories: texts(names, "categories"),
        namespaced: text(spec, "scope") === "Namespaced",
        verbs: isEnding ? verbs.filter((verb) => verb !== "create") : verbs,
        subresources: subresourcesOf(custom),
        storedAs: `${plural}.${group}`,
        storedVersion: `${group}/${text(stored, "name") ?? ""}`,
        strategy: {},
        custom,
        ...(warning === undefined ? {} : { deprecationWarning: warning }),
      };
    });
}

function subresourcesOf(custom: CustomVersion): Subresource[] {
  return [
    ...(custom.hasStatus ? [{ name: "status", verbs: partVerbs }] : []),
    ...(custom.scale === undefined
      ? []
      : [{ name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: partVerbs }]),
  ];
}

function customVersion(version: JsonObject, group: string, kind: string): CustomVersion {
  const schema = child(child(version, "schema"), "openAPIV3Schema") ?? {};
  const parts = child(version, "subresources");
  const scale = child(parts, "scale");
  const name = text(version, "name") ?? "";
  return {
    schema,
    preserveUnknownFields: schema["x-kubernetes-preserve-unknown-fields"] === true,
    hasStatus: child(parts, "status") !== undefined,
    ...(scale === undefined ? {} : { scale: scalePaths(scale) }),
    columns: children(version, "additionalPrinterColumns") as unknown as readonly PrinterColumn[],
    selectableFields: children(version, "selectableFields").map((field) =>
      (text(field, "jsonPath") ?? "").replace(/^\./, ""),
    ),
    ...(version["deprecated"] === true
      ? {
          deprecationWarning: text(version, "deprecationWarning") ?? `${group}/${name} ${kind} is deprecated`,
        }
      : {}),
  };
}

function scalePaths(scale: JsonObject): ScalePaths {
  const labelSelector = text(scale, "labelSelectorPath");
  return {
    specReplicas: text(scale, "specReplicasPath") ?? "",
    statusReplicas: text(scale, "statusReplicasPath") ?? "",
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}
