/** JSON Schema as Kubernetes uses it: OpenAPI definitions of built-in kinds and openAPIV3Schema of a CRD. */
export interface RawSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, RawSchema>>;
  readonly additionalProperties?: RawSchema | boolean;
  readonly items?: RawSchema;
  readonly required?: readonly string[];
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly RawSchema[];
  readonly anyOf?: readonly RawSchema[];
  readonly oneOf?: readonly RawSchema[];
  readonly not?: RawSchema;
  readonly description?: string;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-group-version-kind"?: readonly GroupVersionKind[];
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

/** A rule in CEL that values at its place in a custom kind's schema must keep. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  /** An expression that gives the message; wins over `message` when it gives one line of text. */
  readonly messageExpression?: string;
  readonly reason?:
    | "FieldValueInvalid"
    | "FieldValueForbidden"
    | "FieldValueRequired"
    | "FieldValueDuplicate";
  /** Path of the field that is complained about, from the rule's place: ".spec.host". */
  readonly fieldPath?: string;
  /** oldSelf is an optional value, so that the rule applies to new values as well. */
  readonly optionalOldSelf?: boolean;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * One place of an object's schema, with references followed. Children are made when first asked for, so
 * holding a node costs nothing for the parts nobody looks at. Nodes are shared and never change.
 */
export interface SchemaNode {
  /** "object", "array", "string", "integer", "number" or "boolean"; undefined where any value may stand. */
  readonly type: string | undefined;
  readonly format: string | undefined;
  /** Fields known by name. */
  readonly properties: ReadonlyMap<string, SchemaNode>;
  /** The schema of a map's values, when the object is a map. */
  readonly values: SchemaNode | undefined;
  /** The schema of a list's items. */
  readonly items: SchemaNode | undefined;
  readonly required: readonly string[];
  /** Unknown fields are kept and are no mistake. */
  readonly keepsUnknown: boolean;
  /** The object here is a whole Kubernetes object with apiVersion, kind and metadata. */
  readonly embedded: boolean;
  readonly intOrString: boolean;
  readonly nullable: boolean;
  /** The default that applies where the field is absent; undefined when there is none. */
  readonly default: unknown;
  /** How server-side apply treats a list. */
  readonly listType: "atomic" | "set" | "map";
  readonly listMapKeys: readonly string[];
  /** How server-side apply treats a map or struct. */
  readonly mapType: "atomic" | "granular";
  readonly patchMergeKey: string | undefined;
  readonly patchStrategies: readonly string[];
  /** Name of the OpenAPI definition this node stands for, when it is one ("io.k8s.api.core.v1.Container"). */
  readonly definition: string | undefined;
  /** The schema as written, for constraints and for publishing. */
  readonly raw: RawSchema;
}

/** What differs between the two sources of schemas. */
export interface SchemaDialect {
  /** The node of a definition; undefined when there is no such name. */
  resolve(reference: string): SchemaNode | undefined;
  /** Whether an object without declared fields takes any field (built-in kinds) or none (CRDs). */
  readonly bareObjectsAreOpen: boolean;
  /** Defaults that the data does not carry, by definition and field. */
  defaultOf?(definition: string | undefined, field: string): unknown;
}

/** The schema of a value of which nothing is known. */
export const anyValue: SchemaNode = {
  type: undefined,
  format: undefined,
  properties: new Map(),
  values: undefined,
  items: undefined,
  required: [],
  keepsUnknown: true,
  embedded: false,
  intOrString: false,
  nullable: true,
  default: undefined,
  listType: "atomic",
  listMapKeys: [],
  mapType: "granular",
  patchMergeKey: undefined,
  patchStrategies: [],
  definition: undefined,
  raw: {},
};

/** The schema of field `name` of an object; undefined when the object has no such field. */
export function fieldSchema(node: SchemaNode, name: string): SchemaNode | undefined {
  return node.properties.get(name) ?? node.values ?? (node.keepsUnknown ? anyValue : undefined);
}

/** Makes the node of a schema. `definition` is its name when it is one; `fallback` its default from outside. */
export function createSchemaNode(
  raw: RawSchema,
  dialect: SchemaDialect,
  definition?: string,
  fallback?: unknown,
): SchemaNode {
  if (raw.$ref !== undefined) return referenceNode(raw, raw.$ref, dialect);
  let properties: ReadonlyMap<string, SchemaNode> | undefined;
  let values: SchemaNode | undefined;
  let items: SchemaNode | undefined;
  const valuesSchema = typeof raw.additionalProperties === "object" ? raw.additionalProperties : undefined;
  const isBare = raw.properties === undefined && valuesSchema === undefined;
  const isAny = raw.type === undefined && isBare && raw.items === undefined;
  const keepsUnknown =
    raw["x-kubernetes-preserve-unknown-fields"] === true ||
    raw.additionalProperties === true ||
    (dialect.bareObjectsAreOpen && (isAny || (isBare && raw.type === "object")));
  return {
    type: raw.type,
    format: raw.format,
    get properties() {
      properties ??= new Map(
        Object.entries(raw.properties ?? {}).map(([name, child]) => [
          name,
          createSchemaNode(child, dialect, undefined, dialect.defaultOf?.(definition, name)),
        ]),
      );
      return properties;
    },
    get values() {
      if (valuesSchema === undefined) return undefined;
      values ??= createSchemaNode(valuesSchema, dialect);
      return values;
    },
    get items() {
      if (raw.items === undefined) return undefined;
      items ??= createSchemaNode(raw.items, dialect);
      return items;
    },
    required: raw.required ?? [],
    keepsUnknown,
    embedded: raw["x-kubernetes-embedded-resource"] === true,
    intOrString: raw["x-kubernetes-int-or-string"] === true || raw.format === "int-or-string",
    nullable: raw.nullable === true,
    default: raw.default ?? fallback,
    listType: listTypeOf(raw),
    listMapKeys: listMapKeysOf(raw),
    mapType: raw["x-kubernetes-map-type"] === "atomic" ? "atomic" : "granular",
    patchMergeKey: raw["x-kubernetes-patch-merge-key"],
    patchStrategies: raw["x-kubernetes-patch-strategy"]?.split(",") ?? [],
    definition,
    raw,
  };
}

/** A node for `$ref`, with the attributes that stand beside the reference laid over the definition's own. */
function referenceNode(raw: RawSchema, reference: string, dialect: SchemaDialect): SchemaNode {
  const target = dialect.resolve(reference);
  if (target === undefined) return anyValue;
  const mapType = raw["x-kubernetes-map-type"];
  const strategy = raw["x-kubernetes-patch-strategy"];
  if (mapType === undefined && strategy === undefined && raw.default === undefined) return target;
  // An object that inherits, since a spread would run the getters, and a definition may contain itself.
  return Object.create(target, {
    ...(mapType === undefined ? {} : { mapType: { value: mapType === "atomic" ? "atomic" : "granular" } }),
    ...(strategy === undefined ? {} : { patchStrategies: { value: strategy.split(",") } }),
    ...(raw.default === undefined ? {} : { default: { value: raw.default } }),
  });
}

function listTypeOf(raw: RawSchema): SchemaNode["listType"] {
  const type = raw["x-kubernetes-list-type"];
  if (type === "set" || type === "map" || type === "atomic") return type;
  // Without a list type the patch strategy decides, as in kinds older than list types.
  if (raw["x-kubernetes-patch-strategy"]?.split(",").includes("merge"))
    return raw["x-kubernetes-patch-merge-key"] === undefined ? "set" : "map";
  return "atomic";
}

function listMapKeysOf(raw: RawSchema): readonly string[] {
  const keys = raw["x-kubernetes-list-map-keys"];
  if (keys !== undefined) return keys;
  const mergeKey = raw["x-kubernetes-patch-merge-key"];
  return mergeKey === undefined ? [] : [mergeKey];
}
