import path from "node:path";
import { type Clock, pause, waitFor } from "../../base/index.ts";
import type { LifecycleHandler } from "../../kube/index.ts";
import type { RunningContainer } from "../contracts.ts";
import { type ProbeTarget, runProbe } from "../probe/probe.ts";

/**
 * Runs a lifecycle hook to its end, or until `signal` aborts. Resolves with a kubelet's text of what went wrong,
 * or undefined.
 */
export async function runHook(
  hook: LifecycleHandler,
  options: {
    readonly target: ProbeTarget;
    readonly running: RunningContainer;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<string | undefined> {
  const { target, running, clock, signal } = options;
  if (hook.sleep !== undefined) {
    await pause(clock, hook.sleep.seconds * 1000, signal);
    return undefined;
  }
  if (hook.httpGet !== undefined) {
    const result = await runProbe({ httpGet: hook.httpGet, timeoutSeconds: 30 }, target, "kube-lifecycle/1");
    return result.ok ? undefined : result.message;
  }
  const command = hook.exec?.command ?? [];
  const [program = "", verb] = command;
  if (path.basename(program) === "pilot-agent" && verb === "wait") {
    // The agent is part of the stand-in: there is no program to ask it with, and no need for one.
    const ready = () => (running.isReady?.() === false ? undefined : true);
    await waitFor(ready, {
      signal,
      ...(running.changes === undefined ? {} : { changes: running.changes }),
    }).catch(() => {});
    return undefined;
  }
  try {
    const { exitCode, output } = await target.exec(command, signal);
    if (exitCode === 0 || signal.aborted) return undefined;
    return `command '${command.join(" ")}' exited with ${exitCode}: ${output.trim()}`;
  } catch (reason) {
    return reason instanceof Error ? reason.message : String(reason);
  }
}
