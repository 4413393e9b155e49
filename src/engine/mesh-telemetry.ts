import type { Clock, Logger, Stop } from "../base/index.ts";
import type { Telemetry, TelemetryCluster } from "../telemetry/index.ts";

/** The telemetry of a mesh, which starts when the mesh is up: until then nobody's start waits for it. */
export interface MeshTelemetry {
  /** Resolves once it has started. */
  readonly telemetry: Promise<Telemetry>;
  start(clusters: readonly TelemetryCluster[]): void;
  readonly stop: Stop;
}

export function createMeshTelemetry(options: {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long metrics are kept, in milliseconds. */
  readonly retention: number;
}): MeshTelemetry {
  let started: Promise<Telemetry> | undefined;
  let resolve: (telemetry: Promise<Telemetry>) => void = () => {};
  const telemetry = new Promise<Telemetry>((done) => {
    resolve = done;
  });
  return {
    telemetry,
    start(clusters) {
      started ??= import("../telemetry/index.ts").then(({ startTelemetry }) =>
        startTelemetry({ clusters, ...options }),
      );
      resolve(started);
    },
    stop: async () => (await started)?.stop(),
  };
}
