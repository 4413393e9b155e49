import { readDataFile } from "./data-file.ts";
import {
  createSchemaNode,
  type GroupVersionKind,
  type RawSchema,
  type SchemaDialect,
  type SchemaNode,
} from "./schema-node.ts";

/** The schemas of a set of kinds. */
export interface SchemaSet {
  /** The schema of a kind's objects; undefined for a kind that is not in the set. */
  forKind(group: string, version: string, kind: string): SchemaNode | undefined;
  /** The node of an OpenAPI definition by its name; undefined when there is none. */
  definition(name: string): SchemaNode | undefined;
  /** Name of the definition of a kind; undefined for a kind that is not in the set. */
  definitionName(group: string, version: string, kind: string): string | undefined;
  /** All definitions as written, by name. References read "#/definitions/NAME". */
  readonly definitions: Readonly<Record<string, RawSchema>>;
}

/** Definitions that an apply cannot do without, and that OpenAPI v2 does not say: keys of lists that may be left out. */
const keyDefaults: Readonly<Record<string, unknown>> = {
  "io.k8s.api.core.v1.ContainerPort.protocol": "TCP",
  "io.k8s.api.core.v1.ServicePort.protocol": "TCP",
  "io.k8s.api.core.v1.EndpointPort.protocol": "TCP",
  "io.k8s.api.core.v1.PortStatus.protocol": "TCP",
};

const prefix = "#/definitions/";

/** Makes a set from OpenAPI definitions. Nodes are made when asked for. */
export function createSchemaSet(definitions: Readonly<Record<string, RawSchema>>): SchemaSet {
  const nodes = new Map<string, SchemaNode>();
  let names: ReadonlyMap<string, string> | undefined;
  const dialect: SchemaDialect = {
    resolve: (reference) => definition(reference.slice(prefix.length)),
    bareObjectsAreOpen: true,
    defaultOf: (owner, field) => (owner === undefined ? undefined : keyDefaults[`${owner}.${field}`]),
  };
  const definition = (name: string): SchemaNode | undefined => {
    const known = nodes.get(name);
    if (known !== undefined) return known;
    const raw = definitions[name];
    if (raw === undefined) return undefined;
    const node = createSchemaNode(raw, dialect, name);
    nodes.set(name, node);
    return node;
  };
  const definitionName = (group: string, version: string, kind: string) => {
    names ??= indexKinds(definitions);
    return names.get(`${group}/${version}/${kind}`);
  };
  return {
    forKind(group, version, kind) {
      const name = definitionName(group, version, kind);
      return name === undefined ? undefined : definition(name);
    },
    definition,
    definitionName,
    definitions,
  };
}

let builtIn: SchemaSet | undefined;

/** The schemas of Kubernetes' own kinds. Reads the data file at the first call, then keeps the set. */
export function loadBuiltInSchema(): SchemaSet {
  builtIn ??= createSchemaSet(
    (readDataFile("kubernetes-schema.json") as { definitions: Readonly<Record<string, RawSchema>> })
      .definitions,
  );
  return builtIn;
}

function indexKinds(definitions: Readonly<Record<string, RawSchema>>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const id = ({ group, version, kind }: GroupVersionKind) => `${group}/${version}/${kind}`;
  for (const [name, schema] of Object.entries(definitions))
    for (const kind of schema["x-kubernetes-group-version-kind"] ?? []) names.set(id(kind), name);
  return names;
}
