import type { JsonObject } from "../patch/json-value.ts";
import { customDefinitionName, definitionName } from "./definitions.ts";
import { groupVersionPath, type OpenApiResource } from "./open-api-resource.ts";

/** One operation of a path, apart from the version of OpenAPI that writes it down. */
export interface Operation {
  readonly method: "get" | "put" | "post" | "patch" | "delete";
  /** x-kubernetes-action */
  readonly action: string;
  readonly kind: { readonly group: string; readonly kind: string; readonly version: string };
  /** Query parameters that the operation takes. */
  readonly query: readonly Parameter[];
  /** Media types of its body; empty when it has none. */
  readonly consumes: readonly string[];
  /** Definition of its body. */
  readonly body: string | undefined;
  /** Definition of its answer. */
  readonly answer: string | undefined;
}

export interface Parameter {
  readonly name: string;
  readonly type: "string" | "boolean" | "integer";
}

export interface Path {
  readonly path: string;
  /** Names in braces of the path. */
  readonly parameters: readonly string[];
  readonly operations: readonly Operation[];
}

function parameters(type: Parameter["type"], ...names: readonly string[]): readonly Parameter[] {
  return names.map((name) => ({ name, type }));
}

const reading = parameters("string", "pretty");
const writing = parameters("string", "pretty", "dryRun", "fieldManager", "fieldValidation");
const patching = [...writing, ...parameters("boolean", "force")];
const deleting = [
  ...parameters("string", "pretty", "dryRun", "propagationPolicy"),
  ...parameters("integer", "gracePeriodSeconds"),
  ...parameters("boolean", "orphanDependents"),
];
const listing = [
  ...parameters(
    "string",
    "pretty",
    "continue",
    "fieldSelector",
    "labelSelector",
    "resourceVersion",
    "resourceVersionMatch",
  ),
  ...parameters("integer", "limit", "timeoutSeconds"),
  ...parameters("boolean", "allowWatchBookmarks", "sendInitialEvents", "watch"),
];

const bodies = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const patches = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/apply-patch+yaml",
];
const strategic = "application/strategic-merge-patch+json";
const status = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
const deleteOptions = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/** The paths of a resource with what can be done there. */
function pathsOf(resource: OpenApiResource): readonly Path[] {
  const { group, version, kind, listKind, plural, namespaced, custom } = resource;
  const base = `/${groupVersionPath(resource)}`;
  const nameOf = (of: string) =>
    custom === undefined
      ? definitionName({ group, version, kind: of })
      : customDefinitionName({ group, version, kind: of });
  const own = { group, kind, version };
  const [object, list] = [nameOf(kind), nameOf(listKind)];
  const can = (verb: string) => resource.verbs.includes(verb);
  const patchTypes = custom === undefined ? [...patches, strategic] : patches;
  const operation = (
    verb: string,
    method: Operation["method"],
    action: string,
    more: Partial<Operation>,
  ): readonly Operation[] =>
    can(verb)
      ? [
          {
            method,
            action,
            kind: own,
            query: reading,
            consumes: [],
            body: undefined,
            answer: object,
            ...more,
          },
        ]
      : [];

  const collection: readonly Operation[] = [
    ...operation("list", "get", "list", { query: listing, answer: list }),
    ...operation("create", "post", "post", { query: writing, consumes: bodies, body: object }),
    ...operation("deletecollection", "delete", "deletecollection", {
      query: [...deleting, ...listing.slice(1)],
      body: deleteOptions,
      consumes: bodies,
      answer: status,
    }),
  ];
  const item: readonly Operation[] = [
    ...operation("get", "get", "get", {}),
    ...operation("update", "put", "put", { query: writing, consumes: bodies, body: object }),
    ...operation("patch", "patch", "patch", { query: patching, consumes: patchTypes, body: object }),
    ...operation("delete", "delete", "delete", {
      query: deleting,
      consumes: bodies,
      body: deleteOptions,
      answer: status,
    }),
  ];
  const scope = namespaced ? `${base}/namespaces/{namespace}/${plural}` : `${base}/${plural}`;
  const inScope = namespaced ? ["namespace"] : [];
  const everywhere: readonly Operation[] = operation("list", "get", "list", { query: listing, answer: list });
  return [
    ...(namespaced ? [{ path: `${base}/${plural}`, parameters: [], operations: everywhere }] : []),
    { path: scope, parameters: inScope, operations: collection },
    { path: `${scope}/{name}`, parameters: [...inScope, "name"], operations: item },
    ...resource.subresources.map((part) =>
      partPath(resource, part, `${scope}/{name}/${part.name}`, [...inScope, "name"], object),
    ),
  ].filter(({ operations }) => operations.length > 0);
}

const methods: Readonly<Record<string, Operation["method"]>> = {
  get: "get",
  update: "put",
  create: "post",
  patch: "patch",
  delete: "delete",
};

function partPath(
  resource: OpenApiResource,
  part: OpenApiResource["subresources"][number],
  path: string,
  inPath: readonly string[],
  object: string | undefined,
): Path {
  const kind = {
    group: part.group ?? resource.group,
    kind: part.kind ?? resource.kind,
    version: part.version ?? resource.version,
  };
  const definition = part.kind === undefined ? object : definitionName(kind);
  const patchTypes = resource.custom === undefined ? [...patches, strategic] : patches;
  const operations = part.verbs.flatMap((verb): readonly Operation[] => {
    const method = methods[verb];
    if (method === undefined) return [];
    const writes = method !== "get" && method !== "delete";
    return [
      {
        method,
        action: method,
        kind,
        query: method === "patch" ? patching : writes ? writing : reading,
        consumes: method === "patch" ? patchTypes : writes ? bodies : [],
        body: writes ? definition : undefined,
        answer: definition,
      },
    ];
  });
  return { path, parameters: inPath, operations };
}

/** The extensions by which Kubernetes' clients find the operation they want. */
export function extensionsOf({ action, kind }: Operation): JsonObject {
  return { "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind };
}

/**
 * The paths object of a document: every path of the resources with its operations and the parameters in it, in the
 * notation of one version of OpenAPI. Parameters in paths are always required.
 */
export function pathsDocument(
  resources: readonly OpenApiResource[],
  format: {
    operation(operation: Operation): JsonObject;
    pathParameter(name: string): JsonObject;
  },
): JsonObject {
  const document: Record<string, JsonObject> = {};
  for (const { path, parameters: inPath, operations } of resources.flatMap(pathsOf))
    document[path] = {
      ...Object.fromEntries(operations.map((operation) => [operation.method, format.operation(operation)])),
      ...(inPath.length === 0
        ? {}
        : { parameters: inPath.map((name) => ({ ...format.pathParameter(name), required: true })) }),
    };
  return document;
}
