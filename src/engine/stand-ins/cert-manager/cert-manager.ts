import type { Clock } from "../../../base/index.ts";
import { startCaInjector, startCertificateManager } from "../../../controllers/index.ts";
import { type StandIn, serveRequests } from "../../../runtime/index.ts";
import { answerHealth } from "./answer-health.ts";
import { apiCheckStandIn } from "./api-check.ts";
import { flags } from "./flags.ts";
import { createWebhookStandIn } from "./webhook.ts";

const healthPort = 9403;

/** The images of cert-manager: our controllers with the rights of their service accounts, its webhook, its chart's check. */
export function createCertManagerStandIns(clock: Clock): readonly StandIn[] {
  return [
    {
      name: "cert-manager controller",
      matches: (image) => image === "cert-manager-controller",
      ports: [healthPort],
      async start(context) {
        const { cluster, client, pod, logger: log } = context;
        const [home = pod.metadata.namespace ?? "cert-manager"] = flags(
          context,
          "cluster-resource-namespace",
        );
        const [leases = "kube-system"] = flags(context, "leader-election-namespace");
        const running = await serveRequests(context, new Map([[healthPort, answerHealth]]));
        const stop = startCertificateManager({
          cluster,
          client,
          namespace: home,
          lease: { namespace: leases, name: "cert-manager-controller", identity: pod.metadata.name },
          clock,
          log,
        });
        return {
          ...running,
          async stop(graceSeconds) {
            await stop();
            await running.stop(graceSeconds);
          },
        };
      },
    },
    {
      name: "cert-manager cainjector",
      matches: (image) => image === "cert-manager-cainjector",
      async start({ cluster, client, logger: log }) {
        const stop = startCaInjector({ cluster, client, clock, log });
        let end = (_: { readonly exitCode: number }) => {};
        const exited = new Promise<{ readonly exitCode: number }>((resolve) => {
          end = resolve;
        });
        return {
          exited,
          async stop() {
            await stop();
            end({ exitCode: 0 });
          },
        };
      },
    },
    createWebhookStandIn(clock),
    apiCheckStandIn,
  ];
}
