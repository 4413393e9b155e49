import type { ContainerContext, ImageCommand, StandIn } from "../contracts.ts";
import { matchesImage } from "../image-name.ts";
import { runProgram } from "./run-program.ts";

/** Where a program listens whose container names no port. */
const usualPort = 8080;

/**
 * A command of the user's for the images that match `pattern`. It gets the address to listen on as HOST and PORT
 * and in place of {host} and {port} in its words: in a pod of its own it could take the wildcard, here it can't.
 */
export function createProcessStandIn(pattern: string, { command, env, cwd }: ImageCommand): StandIn {
  return {
    name: `command for ${pattern}`,
    matches: (_imageName, { image = "" }) => matchesImage(pattern, image),
    async start(context) {
      const place = await listenPlace(context);
      const { name, namespace = "default" } = context.pod.metadata;
      const words: Readonly<Record<string, string>> = {
        host: place.address,
        port: String(place.port),
        pod: name,
        cluster: context.cluster,
        namespace,
      };
      const fill = (text: string) =>
        text.replaceAll(/\{(host|port|pod|cluster|namespace)\}/g, (_, word: string) => words[word] ?? "");
      return runProgram(context, {
        command: command.map(fill),
        env: {
          HOST: place.address,
          PORT: String(place.port),
          ...Object.fromEntries(Object.entries(env).map(([variable, value]) => [variable, fill(value)])),
        },
        ...(cwd === undefined ? {} : { cwd }),
      });
    },
  };
}

async function listenPlace({ container, network }: ContainerContext) {
  const declared = container.ports?.find(({ protocol = "TCP" }) => protocol === "TCP")?.containerPort;
  if (declared === undefined) await network.exposeAppPort(usualPort);
  return network.appAddress(declared ?? usualPort);
}
