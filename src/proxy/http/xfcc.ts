import {
  type HttpConnectionManager,
  HttpConnectionManager_ForwardClientCertDetails as Mode,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Downstream } from "./codec.ts";
import { dropHeader, type Headers, header, setHeader } from "./headers.ts";

/** What happens to x-forwarded-client-cert. */
export interface XfccRules {
  readonly mode: Mode;
  readonly subject: boolean;
  readonly certificate: boolean;
  readonly dns: boolean;
  readonly uri: boolean;
}

const name = "x-forwarded-client-cert";

export function compileXfcc(message: HttpConnectionManager): XfccRules {
  const details = message.setCurrentClientCertDetails;
  return {
    mode: message.forwardClientCertDetails,
    subject: details?.subject ?? false,
    certificate: details?.cert ?? false,
    dns: details?.dns ?? false,
    uri: details?.uri ?? false,
  };
}

/** The element that tells about this connection's client; undefined without a client certificate. */
export function xfccElement(rules: XfccRules, { tls }: Downstream): string | undefined {
  const peer = tls?.peer;
  if (peer === undefined) return undefined;
  const parts = (tls?.local?.uris ?? []).map((uri) => `By=${uri}`);
  parts.push(`Hash=${peer.hash}`);
  if (rules.certificate) parts.push(`Cert="${encodeURIComponent(peer.pem)}"`);
  if (rules.subject) parts.push(`Subject="${peer.subject.replace(/(["\\])/g, "\\$1")}"`);
  if (rules.uri) {
    if (peer.uris.length === 0) parts.push("URI=");
    for (const uri of peer.uris) parts.push(`URI=${uri}`);
  }
  if (rules.dns) for (const dns of peer.dnsNames) parts.push(`DNS=${dns}`);
  return parts.join(";");
}

/** Applies the mode to a request's headers. `element` comes from xfccElement, once a connection. */
export function applyXfcc(headers: Headers, rules: XfccRules, element: string | undefined): void {
  const { mode } = rules;
  if (mode === Mode.ALWAYS_FORWARD_ONLY) return;
  if (mode === Mode.SANITIZE || element === undefined) {
    dropHeader(headers, name);
    return;
  }
  if (mode === Mode.FORWARD_ONLY) return;
  const before = mode === Mode.APPEND_FORWARD ? header(headers, name) : undefined;
  setHeader(headers, name, before === undefined ? element : `${before},${element}`);
}
