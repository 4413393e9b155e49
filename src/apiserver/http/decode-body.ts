import { badRequest, unsupportedMediaType } from "../status.ts";
import { mediaType } from "./accepted-form.ts";
import type { Call } from "./call.ts";

/** The value of a request's body, and its text where the text says more than the value (duplicate fields). */
export interface DecodedBody {
  readonly value: unknown;
  readonly text: string | undefined;
  /** Whether the value was made for this request alone and may be changed. */
  readonly owned: boolean;
}

const objectTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/** Decodes the body of a write: JSON, YAML or protobuf; undefined when there is none. Throws 400, 413 or 415. */
export async function decodeBody(call: Call): Promise<DecodedBody | undefined> {
  const body = await call.readBody();
  if (body.kind === "none") return undefined;
  if (body.kind === "value") return { value: body.value, text: undefined, owned: false };
  if (body.bytes.length === 0) return undefined;
  const { type } = mediaType(call.headers["content-type"] ?? "application/json");
  switch (type) {
    case "application/json":
    case "*/*":
    case "":
      return decodeJson(body.bytes);
    case "application/yaml":
    case "application/x-yaml":
    case "text/yaml":
      return decodeYaml(body.bytes.toString());
    case "application/vnd.kubernetes.protobuf": {
      const { decodeProtobuf } = await import("../../kube/index.ts");
      try {
        return { value: decodeProtobuf(body.bytes), text: undefined, owned: true };
      } catch (reason) {
        throw badRequest(`unable to decode the protobuf body: ${messageOf(reason)}`);
      }
    }
    default:
      throw unsupportedMediaType(objectTypes);
  }
}

/** Decodes a JSON body. Throws a 400 with the parser's complaint. */
export function decodeJson(bytes: Buffer): DecodedBody {
  const text = bytes.toString();
  try {
    return { value: JSON.parse(text), text, owned: true };
  } catch (reason) {
    throw badRequest(
      `the object provided is unrecognized (must be of type application/json): ${messageOf(reason)}`,
    );
  }
}

/** Decodes a YAML body (a JSON text is one). Throws a 400 with the parser's complaint. */
export async function decodeYaml(text: string): Promise<DecodedBody> {
  if (text.trimStart().startsWith("{")) {
    try {
      return { value: JSON.parse(text), text, owned: true };
    } catch {
      // It may still be YAML in flow style.
    }
  }
  const { parse } = await import("yaml");
  try {
    return { value: parse(text, { maxAliasCount: 100 }), text: undefined, owned: true };
  } catch (reason) {
    throw badRequest(`error converting YAML to JSON: ${messageOf(reason)}`);
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
