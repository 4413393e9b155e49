/**
 * The last part of an image reference without tag and digest: "examples-helloworld-v1" for
 * "docker.io/istio/examples-helloworld-v1:1.0".
 */
export function imageName(image: string): string {
  const [reference = ""] = image.split("@", 1);
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  const [name = ""] = last.split(":", 1);
  return name;
}

/** Whether `text` is of the form `pattern`, in which `*` stands for any text. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}
