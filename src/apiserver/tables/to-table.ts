import {
  addResources,
  formatResourceList,
  type JsonObject,
  type KubeObject,
  resourceList,
} from "../../kube/index.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { coreTables } from "./core-tables.ts";
import { customTable, defaultTable } from "./custom-table.ts";
import { otherTables } from "./other-tables.ts";
import { podTable } from "./pod-table.ts";
import {
  age,
  type Cell,
  type Column,
  columns,
  count,
  list,
  map,
  type TableKind,
  text,
} from "./table-kind.ts";
import { workloadTables } from "./workload-tables.ts";

/** meta.k8s.io/v1 Table, without the metadata of the list. */
export interface Table {
  readonly kind: "Table";
  readonly apiVersion: "meta.k8s.io/v1";
  readonly columnDefinitions: readonly Column[];
  readonly rows: readonly TableRow[];
}

export interface TableRow {
  readonly cells: readonly Cell[];
  readonly conditions?: readonly JsonObject[];
  readonly object?: JsonObject;
}

export interface TableOptions {
  /** What of each object comes with its row: all, its metadata, or nothing. */
  readonly includeObject: "Object" | "Metadata" | "None";
  /** Milliseconds since 1970, for ages. */
  readonly now: number;
}

/** What decides the columns. */
type TableSource = Pick<ResourceType, "plural" | "custom"> & { readonly kind?: string };

const builtIn: Readonly<Record<string, TableKind>> = {
  pods: podTable,
  ...coreTables,
  ...workloadTables,
  ...otherTables,
};

/**
 * Objects as the table that kubectl prints: Kubernetes' own columns for its kinds, additionalPrinterColumns for
 * custom ones, else name and age. Columns of priority 1 are in it, too: the client decides whether it is wide.
 */
export function toTable(
  type: TableSource,
  objects: readonly KubeObject[],
  { includeObject, now }: TableOptions,
): Table {
  const table = tableOf(type);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    columnDefinitions: table.columns,
    rows: objects.map((object) => {
      const conditions = table.conditions?.(object);
      return {
        cells: table.cells(object, now),
        ...(conditions === undefined ? {} : { conditions }),
        ...(includeObject === "None" ? {} : { object: included(object, includeObject) }),
      };
    }),
  };
}

/** Of the scale subresource, whatever it scales. */
const scaleTable: TableKind = {
  columns: columns("Name", "Desired:integer", "Available:integer", "Age"),
  cells: (object, now) => [
    object.metadata.name,
    count(object, "spec", "replicas"),
    count(object, "status", "replicas"),
    age(object, now),
  ],
};

/** Of metrics.k8s.io, whose resources have the names of others. */
const metricsTable: TableKind = {
  columns: columns("Name", "Cpu", "Memory", "Window"),
  cells: (object) => {
    const usages = [object, ...list(object, "containers")].map((one) => resourceList(map(one, "usage")));
    const sum = usages.reduce(addResources, new Map());
    const { cpu = "0", memory = "0" } = formatResourceList(sum);
    return [object.metadata.name, cpu, memory, text(object, "window")];
  },
};

function tableOf({ plural, kind, custom }: TableSource): TableKind {
  if (kind === "Scale") return scaleTable;
  if (kind === "PodMetrics" || kind === "NodeMetrics") return metricsTable;
  if (custom !== undefined) return customTable(custom.columns);
  return Object.hasOwn(builtIn, plural) ? (builtIn[plural] ?? defaultTable) : defaultTable;
}

function included(object: KubeObject, as: "Object" | "Metadata"): JsonObject {
  return as === "Object" ? object : partialObject(object);
}

const partials = new WeakMap<KubeObject, JsonObject>();

/** PartialObjectMetadata of a stored object; the same one each time, so that its text can be shared. */
export function partialObject(object: KubeObject): JsonObject {
  let made = partials.get(object);
  if (made === undefined) {
    made = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
    partials.set(object, made);
  }
  return made;
}
