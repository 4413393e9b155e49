import type { StandIn } from "../contracts.ts";
import { greeter } from "./greeter.ts";
import { helloworld } from "./helloworld.ts";
import { kubia } from "./kubia.ts";
import { messenger } from "./messenger.ts";
import { toolImages } from "./tool-images.ts";

/** The stand-ins that need nothing but a pod. */
export const builtInStandIns: readonly StandIn[] = [helloworld, kubia, greeter, messenger, toolImages];
