import type { TemplateInput } from "./template.ts";

const knownVariants = ["-distroless", "-debug"];

/** The image of the proxy or, with `initImage`, of the init container: the annotations and values have a say. */
export function proxyImage(
  { pod, values, proxyConfig }: TemplateInput,
  image: "proxyImage" | "initImage",
): string {
  const { annotations } = pod.metadata;
  const name = annotations?.["sidecar.istio.io/proxyImage"] ?? values[image];
  // Only a whole reference takes the place of the one that values make.
  if (name.includes("/")) return name;
  const ofConfig = image === "proxyImage" ? proxyConfig.imageType : "";
  const variant = annotations?.["sidecar.istio.io/proxyImageType"] ?? (ofConfig || values.variant);
  return `${values.hub}/${values[image]}:${tagOf(values.tag, variant)}`;
}

function tagOf(tag: string, variant: string): string {
  if (variant === "") return tag;
  const ending = knownVariants.find((one) => tag.endsWith(one));
  const bare = ending === undefined ? tag : tag.slice(0, -ending.length);
  return variant === "default" ? bare : `${bare}-${variant}`;
}
