import type { Container } from "../../kube/index.ts";
import type { ImageCommand, StandIn } from "../contracts.ts";
import { imageName } from "../image-name.ts";
import { builtInStandIns } from "./built-in.ts";
import { interceptionSetUp } from "./interception-set-up.ts";
import { createProcessStandIn } from "./process.ts";

/**
 * Everything that containers can be run with, the first that matches wins: the user's commands, then `given`,
 * then the built-in ones.
 */
export function allStandIns(
  images: ReadonlyMap<string, ImageCommand>,
  given: readonly StandIn[],
): readonly StandIn[] {
  const mapped = [...images].map(([pattern, command]) => createProcessStandIn(pattern, command));
  return [...mapped, interceptionSetUp, ...given, ...builtInStandIns];
}

export function findStandIn(standIns: readonly StandIn[], container: Container): StandIn | undefined {
  const name = imageName(container.image ?? "");
  return standIns.find((standIn) => standIn.matches(name, container));
}

/** Whether a container of this image can be run, given the same stand-ins and commands as startNodes. */
export function standsInFor(
  image: string,
  given: readonly StandIn[],
  images: ReadonlyMap<string, ImageCommand>,
): boolean {
  return findStandIn(allStandIns(images, given), { name: "", image }) !== undefined;
}
