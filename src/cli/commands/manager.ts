import { hostname } from "node:os";
import { createLogger, systemClock } from "../../base/index.ts";
import { runManager } from "../../management/index.ts";
import { type Command, textOption } from "../command.ts";
import { ownApiOptions, ownApiOptionTexts, reachOwnApi } from "../management/own-api.ts";
import { listenAt, runUntilStopped } from "../management/run-process.ts";

export const manager: Command = {
  summary:
    "Run the manager of a fleet for the management cluster: workspaces, exported services and the inventory of all clusters whose agents call it. Of several managers one acts. Logs are JSON lines.",
  usage: "manager [--kubeconfig FILE] [--context NAME] [--listen ADDRESS:PORT] [--host-suffix SUFFIX]",
  options: {
    ...ownApiOptions,
    listen: { type: "string" },
    operations: { type: "string" },
    identity: { type: "string" },
    "host-suffix": { type: "string" },
  },
  optionTexts: {
    ...ownApiOptionTexts,
    listen: "where agents call (default: 127.0.0.1:9900)",
    operations: "/healthz, /readyz and /metrics (default: 127.0.0.1:8080)",
    identity: "who it is among several managers (default: $POD_NAME, else the host and process)",
    "host-suffix": "DNS suffix of exported services (default: $HOST_SUFFIX; without one nothing is exported)",
  },
  async run(input) {
    const { signal } = input;
    const log = createLogger(process.stdout);
    const { api, close } = await reachOwnApi(input, signal);
    try {
      const running = await runManager({
        api,
        identity: textOption(input, "identity") ?? process.env["POD_NAME"] ?? `${hostname()}-${process.pid}`,
        hostSuffix: textOption(input, "host-suffix") ?? (process.env["HOST_SUFFIX"] || undefined),
        listen: listenAt(
          { relay: textOption(input, "listen"), operations: textOption(input, "operations") },
          log,
        ),
        clock: systemClock,
        log,
      });
      await runUntilStopped(running, { signal, log });
    } finally {
      close();
    }
    return 0;
  },
};
