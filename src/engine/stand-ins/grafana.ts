import { type StandIn, serveRequests } from "../../runtime/index.ts";
import type { Telemetry } from "../../telemetry/index.ts";
import { firstOf } from "./first-of.ts";

const port = 3000;
/** Where dashboards are provisioned, by Grafana's own layout. */
const folders = ["/var/lib/grafana/dashboards", "/etc/grafana/provisioning/dashboards"];

/** Grafana's image: the dashboards that are mounted, drawn on the metrics of the whole mesh. */
export function createGrafanaStandIn(telemetry: Promise<Telemetry>): StandIn {
  return {
    name: "grafana",
    matches: (_, { image = "" }) => /(^|\/)grafana\/grafana(-oss|-enterprise)?\b/.test(image),
    ports: [port],
    async start(context) {
      const mounts = await Promise.all(folders.map((folder) => context.readMount(folder)));
      const files = mounts.flatMap((mount) => [...mount]).filter(([name]) => name.endsWith(".json"));
      // Readiness must not wait for the mesh, which waits for it.
      const dashboards = telemetry.then((started) => {
        const all = started.createDashboards();
        for (const [name, content] of files) {
          const isOne = all.add(parsed(content));
          context.log(isOne ? `dashboard ${name}` : `${name} is no dashboard`);
        }
        return all;
      });
      return serveRequests(
        context,
        new Map([
          [
            port,
            firstOf(
              async ({ url }, response) => {
                if (url !== "/api/health") return false;
                response.writeHead(200, { "content-type": "application/json" }).end('{"database":"ok"}');
                return true;
              },
              async (...call) => (await dashboards).pages(...call),
            ),
          ],
        ]),
      );
    },
  };
}

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString("utf8"));
  } catch {
    return undefined;
  }
}
