import { listOf, type TextRule, text } from "../schema/values.ts";

/** What an exported service has to look like. */
export const exportRule: TextRule = {
  pattern: /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|\*)\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  code: "mesh/bad-export",
  what: "an export",
  hint: "write service.namespace, or *.namespace for all services of one",
  suggest(wrong) {
    const [first, second] = wrong.split(/[./]/);
    if (first === undefined || second === undefined || first === "" || second === "") return undefined;
    // "namespace/service" is how others write it.
    return /^[^/.]+\/[^/]+$/.test(wrong) ? `${second}.${first}` : `${first}.${second}`;
  },
};

/** `exports` of a cluster. */
export const exportsSection = listOf(text(exportRule));
