import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type DirectResponseActionSchema,
  RedirectAction_RedirectResponseCode,
  type RedirectActionSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { HttpRedirect, HttpRoute } from "./config-types.ts";
import { optional } from "./proto.ts";

const codes: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

/** A redirection by the proxy itself; undefined for a status code that is none. */
export function redirectAction(
  redirect: HttpRedirect,
  { port, isTls }: { readonly port: number; readonly isTls: boolean },
): MessageInitShape<typeof RedirectActionSchema> | undefined {
  const responseCode = codes[redirect.redirectCode || 301];
  if (responseCode === undefined) return undefined;
  const scheme = redirect.scheme || (isTls ? "https" : "http");
  const wanted = redirect.port ?? (redirect.derivePort === "FROM_REQUEST_PORT" ? port : 0);
  const isDefault = (wanted === 80 && scheme === "http") || (wanted === 443 && scheme === "https");
  return {
    hostRedirect: redirect.authority ?? "",
    responseCode,
    portRedirect: isDefault ? 0 : wanted,
    pathRewriteSpecifier:
      (redirect.prefixRewrite ?? "") === ""
        ? { case: "pathRedirect", value: redirect.uri ?? "" }
        : { case: "prefixRewrite", value: redirect.prefixRewrite ?? "" },
    ...((redirect.scheme ?? "") === ""
      ? {}
      : { schemeRewriteSpecifier: { case: "schemeRedirect", value: redirect.scheme ?? "" } }),
  };
}

/** An answer by the proxy itself. */
export function directResponse({
  status,
  body,
}: NonNullable<HttpRoute["directResponse"]>): MessageInitShape<typeof DirectResponseActionSchema> {
  const specifier =
    body?.string !== undefined
      ? { case: "inlineString" as const, value: body.string }
      : body?.bytes !== undefined
        ? { case: "inlineBytes" as const, value: new Uint8Array(Buffer.from(body.bytes, "base64")) }
        : undefined;
  return { status, ...optional("body", specifier === undefined ? undefined : { specifier }) };
}
