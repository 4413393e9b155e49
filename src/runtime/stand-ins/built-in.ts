import type { StandIn } from "../contracts.ts";
import { details } from "./bookinfo/details.ts";
import { productpage } from "./bookinfo/productpage.ts";
import { ratings } from "./bookinfo/ratings.ts";
import { reviews } from "./bookinfo/reviews.ts";
import { fortio } from "./fortio.ts";
import { greeter } from "./greeter.ts";
import { helloworld } from "./helloworld.ts";
import { httpEcho } from "./http-echo.ts";
import { httpbin } from "./httpbin/httpbin.ts";
import { kubia } from "./kubia.ts";
import { messenger } from "./messenger.ts";
import { openWebui } from "./open-webui/open-webui.ts";
import { pipelines } from "./open-webui/pipelines.ts";
import { sglang } from "./sglang/sglang.ts";
import { tcpEcho } from "./tcp-echo.ts";
import { toolImages } from "./tool-images.ts";
import { whoami } from "./whoami.ts";

/** The stand-ins that need nothing but a pod. */
export const builtInStandIns: readonly StandIn[] = [
  helloworld,
  kubia,
  greeter,
  messenger,
  productpage,
  details,
  reviews,
  ratings,
  sglang,
  openWebui,
  pipelines,
  httpbin,
  tcpEcho,
  fortio,
  httpEcho,
  whoami,
  toolImages,
];
