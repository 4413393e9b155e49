import type { DataSource } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ConfigError } from "../config/config-error.ts";

/** The text that a data source holds itself. Throws ConfigError on one that lies elsewhere. */
export function inlineText(source: DataSource, where: string): string {
  switch (source.specifier.case) {
    case "inlineBytes":
      return Buffer.from(source.specifier.value).toString("latin1");
    case "inlineString":
      return source.specifier.value;
    default:
      throw new ConfigError(`${where}: TLS data must be inline, got ${source.specifier.case ?? "nothing"}`);
  }
}
