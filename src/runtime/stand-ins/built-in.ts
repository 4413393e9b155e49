import type { StandIn } from "../contracts.ts";
import { helloworld } from "./helloworld.ts";
import { kubia } from "./kubia.ts";
import { createToolImages } from "./tool-images.ts";

/** The stand-ins that need nothing but a pod. `podTools` gives the folder of the small programs for pods. */
export function builtInStandIns(podTools: () => Promise<string>): readonly StandIn[] {
  return [helloworld, kubia, createToolImages(podTools)];
}
