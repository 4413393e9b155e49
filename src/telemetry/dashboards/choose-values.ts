import { formatNumber } from "../promql/format-number.ts";
import { parseSelector } from "../promql/parse-promql.ts";
import { runInstantQuery } from "../promql/run-query.ts";
import { formatLabels, nameLabel } from "../store/labels.ts";
import type { MetricStore } from "../store/metric-store.ts";
import type { Dashboard, Variable } from "./parse-dashboard.ts";
import { substitute } from "./substitute.ts";

/** A variable with what can be chosen for it and what is. */
export interface Choice {
  readonly variable: Variable;
  readonly options: readonly string[];
  readonly chosen: readonly string[];
}

/** What is asked, at which time. In milliseconds since 1970. */
export interface ChoiceContext {
  readonly store: MetricStore;
  readonly from: number;
  readonly to: number;
}

/** What stands for all options in a URL. */
export const all = "$__all";

/**
 * The values of a dashboard's variables: what the URL says (var-NAME), else what the dashboard was saved with, else the
 * first there is. Later variables may depend on earlier ones.
 */
export function chooseValues(
  { variables }: Dashboard,
  parameters: URLSearchParams,
  context: ChoiceContext,
): readonly Choice[] {
  const choices: Choice[] = [];
  for (const variable of variables) {
    const options = optionsOf(variable, choices, context);
    const asked = parameters.getAll(`var-${variable.name}`).filter((value) => value !== "");
    const fallback = variable.current.length > 0 ? variable.current : options.slice(0, 1);
    const chosen = asked.length > 0 ? asked : fallback;
    choices.push({ variable, options, chosen: variable.isMultiple ? chosen : chosen.slice(0, 1) });
  }
  return choices;
}

function optionsOf(variable: Variable, before: readonly Choice[], context: ChoiceContext): readonly string[] {
  if (variable.kind === "datasource") return ["Prometheus"];
  if (variable.kind !== "query") return variable.options.length > 0 ? variable.options : variable.current;
  const query = substitute(variable.query, before, context);
  return [...new Set(resultsOf(query, context).flatMap((text) => pick(text, variable.regex)))].sort();
}

/** As Grafana's Prometheus data source answers the queries of variables. */
function resultsOf(query: string, { store, from, to }: ChoiceContext): readonly string[] {
  const [, selector, label] = /^label_values\(\s*(?:(.*)\s*,)?\s*([a-zA-Z_]\w*)\s*\)$/s.exec(query) ?? [];
  if (label !== undefined) {
    const matchers = selector === undefined ? [] : parseSelector(selector);
    return store.select(matchers, from, to).flatMap(({ labels }) => labels[label] ?? []);
  }
  const [, pattern] = /^metrics\((.*)\)$/.exec(query) ?? [];
  if (pattern !== undefined) {
    const wanted = new RegExp(pattern);
    return store
      .select([], from, to)
      .flatMap(({ labels }) => labels[nameLabel] ?? [])
      .filter((name) => wanted.test(name));
  }
  const [, expression = query] = /^query_result\((.*)\)$/s.exec(query) ?? [];
  const result = runInstantQuery(expression, to, store.select);
  if (result.type !== "vector") return [];
  return result.samples.map(({ labels, value }) => `${formatLabels(labels)} ${formatNumber(value)} ${to}`);
}

/** The part of a result that a variable's regular expression takes; all of it without one. */
function pick(text: string, regex: string): string[] {
  const [, source, flags = ""] = /^\/(.*)\/([a-z]*)$/s.exec(regex) ?? [];
  if (source === undefined) return [text];
  const match = new RegExp(source, flags.replace("g", "")).exec(text);
  return match === null ? [] : [match.groups?.["value"] ?? match[1] ?? match[0]];
}
