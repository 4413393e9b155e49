import { knownCipherSuites } from "../../cipher-suites.ts";
import type { ConfigField } from "../config-field.ts";

/** ServerTLSSettings of a Gateway's server or of a Sidecar's ingress listener. */
export function checkServerTls(tls: ConfigField): void {
  if (!tls.isSet) return;
  const has = (name: string) => tls.field(name).text !== "" || tls.field(name).items.length > 0;
  const mode = tls.field("mode").text || "PASSTHROUGH";
  checkCipherSuites(tls);
  if (mode === "ISTIO_MUTUAL") {
    const foreign = {
      serverCertificate: "server certificate",
      privateKey: "private key",
      caCertificates: "CA bundle",
      tlsCertificates: "tlsCertificates",
      credentialName: "credentialName",
      credentialNames: "credentialNames",
    };
    for (const [name, what] of Object.entries(foreign))
      if (has(name)) tls.field(name).error(`ISTIO_MUTUAL TLS cannot have associated ${what}`);
    return;
  }
  const hasCredential = has("credentialName") || has("credentialNames");
  const isOwn = mode === "SIMPLE" || mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL";
  const files = ["caCrl", "serverCertificate", "privateKey", "caCertificates", "tlsCertificates"];
  if (!isOwn && (hasCredential || files.some(has)))
    tls.warn(`${mode} mode does not use certificates, they will be ignored`);
  const sources = [
    has("serverCertificate") && has("privateKey"),
    has("credentialName"),
    has("credentialNames"),
    has("tlsCertificates"),
  ];
  if (sources.filter(Boolean).length > 1)
    tls.error(
      "only one of credential_name, credential_names, server_certificate/private_key, tls_certificates should be specified",
    );
  if (isOwn && hasCredential) return;
  if (isOwn) checkFiles(tls, mode === "SIMPLE" ? "SIMPLE TLS" : "MUTUAL TLS");
  if (has("caCrl") && has("credentialName"))
    tls
      .field("caCrl")
      .error("CRL is not supported with credentialName. CRL has to be specified in the credential");
  if (has("caCrl") && mode === "SIMPLE") tls.field("caCrl").error("CRL is not supported with SIMPLE TLS");
}

function checkFiles(tls: ConfigField, what: string): void {
  if (what === "MUTUAL TLS" && tls.field("caCertificates").text === "")
    tls.field("caCertificates").error(`${what} requires a client CA bundle`);
  const several = tls.field("tlsCertificates").items;
  if (several.length > 2)
    tls.field("tlsCertificates").warn(`${what} can support up to 2 server certificates`);
  for (const certificate of several.length > 0 ? several : [tls]) {
    if (certificate.field("serverCertificate").text === "")
      certificate.field("serverCertificate").error(`${what} requires a server certificate`);
    if (certificate.field("privateKey").text === "")
      certificate.field("privateKey").error(`${what} requires a private key`);
  }
}

function checkCipherSuites(tls: ConfigField): void {
  const suites = tls.field("cipherSuites");
  const oldest = tls.field("minProtocolVersion").text;
  if ((oldest === "TLSV1_0" || oldest === "TLSV1_1") && suites.items.length === 0)
    tls
      .field("minProtocolVersion")
      .warn(
        "TLS version below TLSV1_2 require setting compatible ciphers as by default they no longer include compatible ciphers.",
      );
  const known = new Set<string>();
  for (const suite of suites.items) {
    // Expressions such as "-ALL" and "[A|B]" pass as they are.
    const isWord = /^[\p{L}\p{N}]/u.test(suite.text);
    if (isWord && suite.text !== "ALL" && !knownCipherSuites.has(suite.text))
      suite.warn(`ignoring invalid cipher suites: [${suite.text}]`);
    else if (known.has(suite.text)) suite.warn(`ignoring duplicate cipher suites: [${suite.text}]`);
    known.add(suite.text);
  }
}
