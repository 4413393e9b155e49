import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { createSignal, silentLogger } from "../../base/index.ts";
import { ApiError, type Informer, type Kind, type KubeClient, type KubeObject } from "../../kube/index.ts";
import type { ClusterInformers } from "../cluster-informers.ts";
import { startFederation } from "./start-federation.ts";

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

/** A federation of one cluster, of whose kinds those in `failures` can't be listed. */
function federate(failures: Readonly<Record<string, unknown>>) {
  const stop = new AbortController();
  stops.push(stop);
  const { signal } = stop;
  const informerOf = (kind: Kind): Informer<KubeObject> => ({
    synced: Promise.resolve(),
    isSynced: failures[kind.plural] === undefined,
    failure: failures[kind.plural],
    get: () => undefined,
    list: () => [],
    subscribe() {},
    changes: createSignal(),
  });
  const informers = {
    client: {} as KubeClient,
    signal,
    log: silentLogger,
    changes: createSignal(),
    watch: (kind: Kind) => informerOf(kind),
  } as unknown as ClusterInformers;
  const federation = startFederation({ hostSuffix: "global", signal, log: silentLogger });
  federation.add({ name: "one", primary: "one", informers });
  return federation;
}

suite("startFederation()", () => {
  const answered = (code: number, reason: string) =>
    new ApiError({
      apiVersion: "v1",
      kind: "Status",
      metadata: {},
      status: "Failure",
      code,
      reason,
      message: reason,
    });
  const missing = answered(404, "NotFound");
  const away = answered(503, "ServiceUnavailable");
  for (const [what, failures, isSettled] of [
    ["that serves all kinds", {}, true],
    ["without ServiceExports", { serviceexports: missing }, true],
    ["whose Services can't be read yet", { services: away }, false],
    ["that is not there", undefined, false],
  ] as const)
    test(`a cluster ${what} is ${isSettled ? "" : "not "}settled`, () => {
      assert.equal(federate(failures ?? {}).isSettled(failures === undefined ? "two" : "one"), isSettled);
    });
});
