import type { ContainerContext } from "../../../runtime/index.ts";

/** The values of "--name=value" among the container's arguments, in order. */
export function flags({ container }: ContainerContext, name: string): readonly string[] {
  const prefix = `--${name}=`;
  return (container.args ?? [])
    .filter((word) => word.startsWith(prefix))
    .map((word) => word.slice(prefix.length));
}
