import path from "node:path";
import type { ContainerContext, RunningContainer, StandIn } from "../contracts.ts";
import { runProgram } from "./run-program.ts";

/** Images that people start to have a shell, curl or the like in the cluster, by the last part of their name. */
const images: ReadonlySet<string> = new Set([
  "alpine",
  "bash",
  "busybox",
  "curl",
  "curl-ssl",
  "debian",
  "dnsutils",
  "netshoot",
  "pause",
  "sleep",
  "toolbox",
  "ubuntu",
]);

/**
 * Such images run until they are stopped, or run the container's command as a program of the host:
 * `kubectl run -it --image=curlimages/curl tmp -- curl …` does what it does in a cluster.
 */
export const toolImages: StandIn = {
  name: "tools",
  matches: (imageName) => images.has(imageName),
  async start(context) {
    const { command = [], args = [] } = context.container;
    const given = [...command, ...args];
    // Without a command such an image starts a shell, which ends at once when nobody can type.
    const words = given.length === 0 && context.container["stdin"] === true ? ["sh"] : given;
    return isSleep(words) ? sleep(words) : runProgram(context, { command: withProgram(words, context) });
  },
};

/** The curl image's entry point runs curl when the first word is an option or a URL. */
function withProgram(words: readonly string[], { container }: ContainerContext): readonly string[] {
  const [first = ""] = words;
  const isForCurl = container.command === undefined && /^(-|https?:)/.test(first);
  return isForCurl ? ["curl", ...words] : words;
}

function isSleep([program, ...times]: readonly string[]): boolean {
  return (
    program === undefined ||
    (path.basename(program) === "sleep" && times.every((time) => sleepSeconds(time) !== undefined))
  );
}

/** Sleeping needs no process. The shell of a real image would not know SIGTERM either, but waiting for it helps nobody. */
function sleep([, ...times]: readonly string[]): RunningContainer {
  const seconds =
    times.length === 0 ? Infinity : times.reduce((sum, time) => sum + (sleepSeconds(time) ?? 0), 0);
  let end = (_: { readonly exitCode: number }) => {};
  const exited = new Promise<{ readonly exitCode: number }>((resolve) => {
    end = resolve;
  });
  // Longer than timers can be is for ever, for all that pods live.
  const timer = seconds * 1000 < 2 ** 31 ? setTimeout(() => end({ exitCode: 0 }), seconds * 1000) : undefined;
  timer?.unref();
  return {
    exited,
    async stop() {
      clearTimeout(timer);
      end({ exitCode: 143 });
    },
  };
}

const units: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

function sleepSeconds(text: string): number | undefined {
  if (text === "infinity" || text === "inf") return Infinity;
  const parts = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  return parts === null ? undefined : Number(parts[1]) * (units[parts[2] ?? ""] ?? 1);
}
