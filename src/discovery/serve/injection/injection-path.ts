/** Short names that a webhook's path may use for variables. */
const variables: Readonly<Record<string, string>> = {
  cluster: "ISTIO_META_CLUSTER_ID",
  net: "ISTIO_META_NETWORK",
};

const environmentPrefix = ":ENV:";

/**
 * The proxy's variables that a webhook's path sets: "/inject/cluster/ash/net/network2", key and value in turn.
 * Other keys name a variable, in any case; `--slash--` in a value stands for "/". The older form
 * "/inject/:ENV:cluster=ash:ENV:net=network2" is read as well. A key without a value says nothing.
 */
export function parseInjectionPath(path: string): ReadonlyMap<string, string> {
  const rest = decode(path)
    .replace(/\/+$/, "")
    .replace(/^\/inject\/?/, "");
  const found = new Map<string, string>();
  for (const [name = "", value = ""] of rest.startsWith(environmentPrefix)
    ? assignments(rest)
    : pairs(rest)) {
    if (name !== "" && value !== "") found.set(variables[name] ?? name.toUpperCase(), value);
  }
  return found;
}

function assignments(text: string): string[][] {
  return text.split(environmentPrefix).map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [] : [part.slice(0, at), part.slice(at + 1)];
  });
}

function pairs(text: string): string[][] {
  const parts = text.split("/");
  return parts.flatMap((name, at) =>
    at % 2 === 0 ? [[name, (parts[at + 1] ?? "").replaceAll("--slash--", "/")]] : [],
  );
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
