import { ConfigError } from "../config/config-error.ts";
import type { TextTest } from "../config/string-match.ts";

const segment = "[A-Za-z0-9\\-._~%!$&'()+,;:@=]+";
const anySegments = "[A-Za-z0-9\\-._~%!$&'()+,;:@=/]*";
const part = /\{[A-Za-z0-9_]+(?:=([^{}]+))?\}|\*\*|\*|[^*{}]+/y;

/**
 * Compiles a path template (envoy.path.match.uri_template): "*" stands for one segment, "**" for the rest, "{name}" and
 * "{name=template}" name a part. The whole path must fit. Throws ConfigError.
 */
export function compilePathTemplate(template: string, where: string): TextTest {
  if (!template.startsWith("/"))
    throw new ConfigError(`${where}: path template ${template} has no "/" at its start`);
  const regex = new RegExp(`^${expression(template, where)}$`);
  return (path) => regex.test(path);
}

function expression(template: string, where: string): string {
  let text = "";
  part.lastIndex = 0;
  for (let at = 0; at < template.length; at = part.lastIndex) {
    const match = part.exec(template);
    if (match === null) throw new ConfigError(`${where}: malformed path template ${template}`);
    const [whole, inner] = match;
    if (whole.startsWith("{")) {
      const after = part.lastIndex;
      text += inner === undefined ? segment : expression(inner, where);
      part.lastIndex = after;
    } else if (whole === "**") text += anySegments;
    else if (whole === "*") text += segment;
    else text += whole.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  }
  return text;
}
