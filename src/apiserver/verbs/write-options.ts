import type { Call } from "../http/call.ts";
import { badRequest } from "../status.ts";

/** What a write's query asks for. */
export interface WriteOptions {
  readonly dryRun: boolean;
  /** Who the changed fields belong to. */
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** Server-side apply: take fields over from other managers. */
  readonly force: boolean;
}

const longestManager = 128;

/** Reads the options of a write. Throws a 400 for values Kubernetes does not know. */
export function writeOptions(call: Call): WriteOptions {
  const validation = call.query.get("fieldValidation") ?? "";
  if (!["", "Strict", "Warn", "Ignore"].includes(validation))
    throw badRequest(
      `fieldValidation: Unsupported value: ${JSON.stringify(validation)}: supported values: "", "Ignore", "Strict", "Warn"`,
    );
  const manager = call.query.get("fieldManager") ?? "";
  if (manager.length > longestManager)
    throw badRequest(
      `fieldManager: Invalid value: ${JSON.stringify(manager)}: must be no more than 128 characters`,
    );
  return {
    dryRun: isDryRun(call.query.getAll("dryRun")),
    fieldManager: manager === "" ? managerOf(call) : manager,
    fieldValidation: validation === "Strict" || validation === "Ignore" ? validation : "Warn",
    force: call.query.get("force") === "true",
  };
}

/** The options of a write as an object of the API, in which form admission webhooks get them. */
export function optionsObject(
  kind: "CreateOptions" | "UpdateOptions" | "PatchOptions",
  { fieldManager, dryRun }: WriteOptions,
): object {
  return { kind, apiVersion: "meta.k8s.io/v1", fieldManager, ...(dryRun ? { dryRun: ["All"] } : {}) };
}

/** Whether a dryRun option is set. Throws a 400 for anything but "All". */
export function isDryRun(values: readonly string[]): boolean {
  const wrong = values.find((value) => value !== "All" && value !== "");
  if (wrong !== undefined)
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(wrong)}: supported values: "All"`);
  return values.includes("All");
}

/** Without a manager's name the program's own stands for it, as the user agent gives it. */
function managerOf(call: Call): string {
  const agent = call.headers["user-agent"]?.split("/")[0]?.slice(0, longestManager) ?? "";
  return agent === "" ? "unknown" : agent;
}
