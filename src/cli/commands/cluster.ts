import { IsthmusError, nearestName } from "../../base/index.ts";
import { type ClusterChange, connectEngine, openStateFolder } from "../../engine/index.ts";
import { type Command, textOption } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";
import type { Terminal } from "../terminal.ts";

const actions = ["stop", "start", "restart"] as const;
type Action = (typeof actions)[number];
/** Seconds until the workloads of a started cluster must run. */
const defaultTimeout = 60;

export const cluster: Command = {
  summary: "Stop, start or restart one cluster of the running mesh; the others go on.",
  usage: "cluster stop|start|restart NAME [--timeout 60] [-o json]",
  options: { timeout: { type: "string" } },
  optionTexts: { timeout: "seconds until its workloads must run after a start (default 60)" },
  async run(input) {
    const { terminal, signal } = input;
    const [action, name, ...more] = input.positionals;
    if (!isAction(action)) throw noAction(action);
    if (name === undefined || more.length > 0)
      throw new IsthmusError("arguments/wrong", `cluster ${action} wants the name of one cluster`, {
        nextStep: "isthmus status shows the names.",
      });
    const timeout = seconds(textOption(input, "timeout")) * 1000;
    const engine = connectEngine(openStateFolder(stateFolderOf(input), { create: false }));
    const call = (what: "stop" | "start") =>
      engine.call<ClusterChange>("cluster", { action: what, name, timeout }, signal);
    const changes: ClusterChange[] = [];
    if (action !== "start") changes.push(await call("stop"));
    if (action !== "stop") changes.push(await call("start"));
    const last = changes.at(-1);
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(last, undefined, 2));
    else if (last !== undefined) tell(action, last, terminal);
    return last === undefined || last.waitingFor.length === 0 || last.primaryStopped !== undefined ? 0 : 1;
  },
};

function tell(action: Action, change: ClusterChange, terminal: Terminal): void {
  const { name, changed, waitingFor, primaryStopped } = change;
  if (action === "stop")
    terminal.note(
      changed
        ? `${name} is stopped; its data and addresses are kept. isthmus cluster start ${name} starts it again`
        : `${name} was stopped already`,
    );
  else if (primaryStopped !== undefined)
    terminal.note(
      `${name} ${changed ? "runs again" : "runs"}; its control plane is in ${primaryStopped}, which is stopped: pods with a proxy wait for it`,
    );
  else if (waitingFor.length > 0)
    terminal.note(`${name} runs, but these do not yet:\n    ${waitingFor.join("\n    ")}`);
  else terminal.note(changed ? `${name} runs again` : `${name} ran already`);
}

function isAction(text: string | undefined): text is Action {
  return actions.some((action) => action === text);
}

function noAction(text: string | undefined): IsthmusError {
  const near = text === undefined ? undefined : nearestName(text, actions);
  return new IsthmusError(
    "arguments/wrong",
    text === undefined ? "cluster wants stop, start or restart" : `clusters have no action "${text}"`,
    {
      nextStep: near === undefined ? `isthmus ${cluster.usage}` : `Did you mean isthmus cluster ${near}?`,
    },
  );
}

function seconds(text: string | undefined): number {
  const value = text === undefined ? defaultTimeout : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new IsthmusError("arguments/wrong", `--timeout wants seconds, not "${text}"`);
}
