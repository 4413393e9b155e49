import type { JsonObject } from "@bufbuild/protobuf";

/** One kind of a proxy's configuration, as `istioctl proxy-config` prints it. */
export interface ConfigTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What the rows are made of, as the proxy's admin interface shows it. */
  readonly resources: readonly JsonObject[];
}
