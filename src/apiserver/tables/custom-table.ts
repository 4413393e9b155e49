import type { KubeObject } from "../../kube/index.ts";
import type { PrinterColumn } from "../registry/resource-type.ts";
import { timeSince } from "./human-duration.ts";
import { findJsonPath, type JsonPath, parseJsonPath } from "./json-path.ts";
import { age, type Cell, columns, type TableKind } from "./table-kind.ts";

const tables = new WeakMap<readonly PrinterColumn[], TableKind>();

/** Name and age: the table of a kind about which nothing more is known. */
export const defaultTable: TableKind = {
  columns: columns("Name", "Age:date"),
  cells: (object, now) => [object.metadata.name, age(object, now)],
};

/** The table of a custom kind by its additionalPrinterColumns. */
export function customTable(printerColumns: readonly PrinterColumn[]): TableKind {
  if (printerColumns.length === 0) return defaultTable;
  const known = tables.get(printerColumns);
  if (known !== undefined) return known;
  const paths = printerColumns.map(({ jsonPath, type }) => ({ type, path: parseJsonPath(jsonPath) }));
  const table: TableKind = {
    columns: [
      ...columns("Name"),
      ...printerColumns.map(({ name, type, format = "", description = "", priority = 0 }) => ({
        name,
        type,
        format,
        description,
        priority,
      })),
    ],
    cells: (object, now) => [
      object.metadata.name,
      ...paths.map(({ type, path }) => cell(object, type, path, now)),
    ],
  };
  tables.set(printerColumns, table);
  return table;
}

function cell(object: KubeObject, type: string, path: JsonPath | undefined, now: number): Cell {
  if (path === undefined) return null;
  const [value] = findJsonPath(path, object);
  if (value === undefined || value === null) return null;
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      if (typeof value !== "string") return null;
      return Number.isNaN(Date.parse(value)) ? "<invalid>" : timeSince(value, now);
    default:
      return typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}
