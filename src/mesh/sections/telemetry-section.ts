import { field, object } from "../schema/object.ts";
import { text } from "../schema/values.ts";

/** `telemetry`: what is kept of the mesh's traffic. */
export const telemetrySection = object("telemetry has", {
  retention: field(
    text({
      pattern: /^([1-9]|[1-9]\d|1[0-7]\d)m$|^([1-9]|1\d|2[0-4])h$/,
      code: "mesh/bad-value",
      what: "how long metrics are kept",
      hint: "use minutes or hours, such as 30m or 6h: at most 179m or 24h",
    }),
    "How long the engine keeps metrics, in memory.",
    { default: "1h", examples: ["30m", "6h"] },
  ),
});
