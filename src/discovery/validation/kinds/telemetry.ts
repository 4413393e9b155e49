import { logFilter } from "../../translate/log-filter.ts";
import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import { checkTargets } from "../parts/targets.ts";

/** Checks a Telemetry. */
export const checkTelemetry: KindCheck = ({ spec }) => {
  checkTargets(spec);
  for (const part of ["metrics", "tracing", "accessLogging"] as const)
    for (const item of spec.field(part).items)
      for (const provider of item.field("providers").items)
        if (provider.field("name").text === "")
          provider.field("name").error("providers.name may not be empty");
  for (const metrics of spec.field("metrics").items)
    for (const override of metrics.field("overrides").items) checkOverride(override);
  for (const logging of spec.field("accessLogging").items) {
    const expression = logging.field("filter").field("expression");
    if (expression.text !== "" && logFilter(expression.text) === undefined)
      expression.warn(
        "every request is logged: only comparisons of response.code with numbers, put together by && and ||, are run here",
      );
  }
  const tracing = spec.field("tracing");
  if (tracing.items.length > 1) tracing.warn("multiple tracing is not currently supported");
  for (const item of tracing.items) checkTracing(item);
};

function checkOverride(override: ConfigField): void {
  for (const [name, tag] of override.field("tagOverrides").entries) {
    if (name === "") tag.warn("tagOverrides.name may not be empty");
    const value = tag.field("value");
    const isRemoved = tag.field("operation").text === "REMOVE";
    if (!isRemoved && value.text === "")
      value.error("tagOverrides.value must be set when operation is UPSERT");
    if (isRemoved && value.text !== "")
      value.error("tagOverrides.value may only be set when operation is UPSERT");
  }
  const custom = override.field("match").field("customMetric");
  if (custom.isSet && custom.text === "") custom.error("customMetric may not be empty");
}

function checkTracing(tracing: ConfigField): void {
  if (tracing.field("providers").items.length > 1)
    tracing.field("providers").warn("multiple providers is not currently supported");
  const sampling = tracing.field("randomSamplingPercentage");
  if (sampling.number < 0 || sampling.number > 100)
    sampling.error("randomSamplingPercentage must be in range [0.0, 100.0]");
  for (const [name, tag] of tracing.field("customTags").entries) {
    if (name === "") tag.error("tag name may not be empty");
    const sources = { literal: "value", header: "name", environment: "name" };
    for (const [source, field] of Object.entries(sources)) {
      const text = tag.field(source).field(field);
      if (tag.field(source).isSet && text.text === "") text.error(`${source} tag ${field} may not be empty`);
    }
  }
}
