import { IsthmusError, waitFor } from "../../../base/index.ts";
import { isApiError, type Kind } from "../../../kube/index.ts";
import type { ContainerContext, RunningContainer, StandIn } from "../../../runtime/index.ts";

const certificateRequests: Kind = {
  group: "cert-manager.io",
  version: "v1",
  kind: "CertificateRequest",
  plural: "certificaterequests",
  namespaced: true,
};
const patience = 60_000;

/**
 * The Job of cert-manager's chart that ends when its API can be used: a request of certificate passes, in a dry run, the
 * definitions and the webhook.
 */
export const apiCheckStandIn: StandIn = {
  name: "cert-manager API check",
  matches: (image) => image === "cert-manager-startupapicheck" || image === "cert-manager-ctl",
  async start(context): Promise<RunningContainer> {
    const stopped = new AbortController();
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(patience)]);
    const exited = waitFor(() => tryRequest(context), { signal, every: 200 }).then(
      () => {
        context.log("The cert-manager API is ready");
        return { exitCode: 0 };
      },
      () => ({ exitCode: 1 }),
    );
    return {
      exited,
      async stop() {
        stopped.abort(new IsthmusError("engine/interrupted", "stopped"));
        await exited;
      },
    };
  },
};

async function tryRequest({ client, pod, log }: ContainerContext): Promise<true | undefined> {
  try {
    const request = {
      apiVersion: "cert-manager.io/v1",
      kind: "CertificateRequest",
      metadata: { name: "cmapichecker", namespace: pod.metadata.namespace ?? "cert-manager" },
      spec: { request: Buffer.from("none").toString("base64"), issuerRef: { name: "cmapichecker" } },
    };
    await client.create(certificateRequests, request, { dryRun: true });
    return true;
  } catch (reason) {
    if (!isApiError(reason)) throw reason;
    log(`Not ready: ${reason.message}`);
    return undefined;
  }
}
