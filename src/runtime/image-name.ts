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

/** What a reference without a registry means (Docker's reference grammar). */
const defaultRegistry = /^docker\.io\/(library\/)?/;

/**
 * Whether a pattern of the mesh file's `images` means the image: its last part ("echo*"), or with a registry the
 * whole reference ("example.com/tools/echo*"), in both cases with or without tag and digest. Images of docker.io may be
 * named without it, as everywhere.
 */
export function matchesImage(pattern: string, image: string): boolean {
  const [reference = ""] = image.split("@", 1);
  const slash = reference.lastIndexOf("/");
  const colon = reference.indexOf(":", slash);
  const untagged = colon < 0 ? reference : reference.slice(0, colon);
  const names = [image, reference, untagged].flatMap((name) => [name, name.replace(defaultRegistry, "")]);
  const lastParts = [image, reference, untagged].map((name) => name.slice(slash + 1));
  return [...names, ...lastParts].some((name) => matchesPattern(pattern, name));
}

/** Whether `text` is of the form `pattern`, in which `*` stands for any text. */
function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}
