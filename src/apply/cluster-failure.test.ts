import assert from "node:assert/strict";
import { test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import { ApiError } from "../kube/index.ts";
import { clusterFailure } from "./cluster-failure.ts";

const apiError = (code: number) =>
  new ApiError({
    ...{ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" },
    ...{ code, message: "no", reason: "" },
  } as never);

test.each<[string, unknown, string, RegExp, RegExp]>([
  [
    "revoked credentials",
    apiError(401),
    "cluster/forbidden",
    /^the API of fra answers: no/,
    /user of its context/,
  ],
  [
    "an error of the server",
    apiError(500),
    "cluster/unreachable",
    /^the API of fra answers: no/,
    /it resumes/,
  ],
  [
    "a broken connection",
    new IsthmusError("cluster/unreachable", "https://10.0.0.1 cannot be reached"),
    "cluster/unreachable",
    /^fra: https:\/\/10\.0\.0\.1 cannot/,
    /can be reached from here/,
  ],
  [
    "a word that only holds the name",
    new IsthmusError("apply/timed-out", "infrastructure is late", { nextStep: "Wait." }),
    "apply/timed-out",
    /^fra: infrastructure/,
    /^Wait\.$/,
  ],
  [
    "what names the cluster already",
    new IsthmusError("apply/timed-out", "fra: late", { nextStep: "Wait." }),
    "apply/timed-out",
    /^fra: late$/,
    /^Wait\.$/,
  ],
])("%s: the failure names the cluster, and what to do", (_what, reason, code, message, nextStep) => {
  const failure = clusterFailure("fra", reason);
  assert.equal(failure.code, code);
  assert.match(failure.message, message);
  assert.match(failure.nextStep ?? "", nextStep);
});
