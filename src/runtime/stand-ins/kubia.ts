import type { StandIn } from "../contracts.ts";
import { burnCpu, serveHttp } from "./serve-http.ts";

/** luksa/kubia: answers any path with the pod's name. Each answer costs some CPU, so that an autoscaler sees load. */
export const kubia: StandIn = {
  name: "kubia",
  matches: (imageName) => imageName === "kubia",
  ports: [8080],
  async start(context) {
    const body = `You've hit ${context.env["HOSTNAME"] ?? ""}\n`;
    context.log("Kubia server starting...");
    return serveHttp(context, 8080, ({ socket }) => {
      context.log(`Received request from ${socket.remoteAddress ?? "unknown"}`);
      burnCpu(200_000);
      return { status: 200, body };
    });
  },
};
