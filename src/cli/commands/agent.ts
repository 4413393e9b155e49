import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { createLogger, systemClock } from "../../base/index.ts";
import { runAgent } from "../../management/index.ts";
import { type Command, textOption } from "../command.ts";
import { ownApiOptions, ownApiOptionTexts, reachOwnApi } from "../management/own-api.ts";
import { listenAt, runUntilStopped } from "../management/run-process.ts";

const relayFolder = "/etc/relay";

export const agent: Command = {
  summary:
    "Run the agent of a workload cluster: it calls the manager, and passes on what that asks of the cluster's API as its own account. Logs are JSON lines.",
  usage: "agent [--kubeconfig FILE] [--context NAME] [--relay FOLDER]",
  options: { ...ownApiOptions, relay: { type: "string" }, operations: { type: "string" } },
  optionTexts: {
    ...ownApiOptionTexts,
    relay: `folder with the files server, ca.crt and token of the relay credential (default: ${relayFolder})`,
    operations: "/healthz, /readyz and /metrics (default: 127.0.0.1:8080)",
  },
  async run(input) {
    const { signal } = input;
    const log = createLogger(process.stdout);
    const relay = textOption(input, "relay") ?? relayFolder;
    const { api, close } = await reachOwnApi(input, signal);
    try {
      const running = await runAgent({
        credential: (name) => readFile(path.join(relay, name), "utf8").catch(() => ""),
        dial,
        api,
        listen: listenAt({ operations: textOption(input, "operations") }, log),
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

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 10_000 });
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new Error(`${host}:${port} does not answer in time`)));
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
