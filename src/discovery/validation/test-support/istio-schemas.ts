import { readDataFile } from "../../../kube/index.ts";

/** As much of a schema as says which fields there are. */
export interface FieldSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly items?: FieldSchema;
  readonly additionalProperties?: FieldSchema | boolean;
  readonly enum?: readonly string[];
}

interface Crds {
  readonly crds: readonly {
    readonly spec: {
      readonly group: string;
      readonly names: { readonly kind: string };
      readonly versions: readonly {
        readonly name: string;
        readonly schema: {
          readonly openAPIV3Schema: { readonly properties: { readonly spec: FieldSchema } };
        };
      }[];
    };
  }[];
}

/** A kind of Istio, with the schema of its `spec`, which is the same in all versions. */
export interface IstioKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: FieldSchema;
}

/** Every kind of Istio's CustomResourceDefinitions, by name. */
export function istioKinds(): readonly IstioKind[] {
  return (readDataFile("istio-crds.json") as Crds).crds
    .flatMap(({ spec: { group, names, versions } }) => {
      const [version] = versions;
      if (version === undefined) return [];
      const { spec } = version.schema.openAPIV3Schema.properties;
      return [{ kind: names.kind, apiVersion: `${group}/${version.name}`, spec }];
    })
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

/** The path below `path` that `name` leads to: a field's, or "*" in a map whose keys are the user's. */
export function memberPath(schema: FieldSchema, path: string, name: string): string {
  const step = schema.properties?.[name] === undefined ? "*" : name;
  return path === "" ? step : `${path}.${step}`;
}

export function memberSchema(schema: FieldSchema, name: string): FieldSchema | undefined {
  const { properties, additionalProperties } = schema;
  return properties?.[name] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
}

/** The paths of all fields that hold a value of their own: "http[].match[].headers.*.exact". */
export function leavesOf(
  schema: FieldSchema,
  path = "",
): readonly (readonly [path: string, schema: FieldSchema])[] {
  if (schema.properties !== undefined)
    return Object.entries(schema.properties).flatMap(([name, member]) =>
      leavesOf(member, memberPath(schema, path, name)),
    );
  if (schema.items !== undefined) return leavesOf(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === "object")
    return leavesOf(schema.additionalProperties, path === "" ? "*" : `${path}.*`);
  return [[path, schema]];
}
