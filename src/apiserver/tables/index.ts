/**
 * tables: objects as the tables that kubectl prints.
 *
 * toTable for every kind; the small JSONPath that columns and scale paths are written in.
 *
 * Reads objects only; knows nothing of requests.
 */
export { findJsonPath, type JsonPath, parseJsonPath } from "./json-path.ts";
export { partialObject, type Table, type TableOptions, type TableRow, toTable } from "./to-table.ts";
