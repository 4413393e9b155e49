import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { ApiError } from "../../../kube/index.ts";
import type { ContainerContext } from "../../../runtime/index.ts";
import { apiCheckStandIn } from "./api-check.ts";

/** A context of which only the client, the pod's namespace and the log are asked for. */
const contextWith = (create: () => Promise<unknown>, said: string[]) =>
  ({
    client: { create },
    pod: { metadata: { name: "check", namespace: "cert-manager" } },
    log: (line: string) => said.push(line),
  }) as unknown as ContainerContext;
const refusal = new ApiError({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  code: 500,
  message: "failed calling webhook",
});

suite("the check of cert-manager's API", () => {
  test("ends well once a request of certificate would be taken", async () => {
    const said: string[] = [];
    let asked = 0;
    const context = contextWith(async () => {
      if (++asked < 2) throw refusal;
    }, said);
    const { exited } = await apiCheckStandIn.start(context);
    assert.deepEqual(await exited, { exitCode: 0 });
    assert.deepEqual(said, ["Not ready: failed calling webhook", "The cert-manager API is ready"]);
  });

  test("fails when it is stopped before", async () => {
    const running = await apiCheckStandIn.start(
      contextWith(async () => {
        throw refusal;
      }, []),
    );
    await running.stop(0);
    assert.deepEqual(await running.exited, { exitCode: 1 });
  });
});
