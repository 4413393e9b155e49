import { create, toBinary } from "@bufbuild/protobuf";
import type { Logger } from "../../base/index.ts";
import { readCsr } from "../../pki/index.ts";
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from "../../xds/gen/istio/v1/auth/ca_pb.js";
import { type GrpcCall, GrpcError, grpcStatus, readUnary } from "../../xds/index.ts";
import type { CertificateSigner } from "../contracts.ts";
import type { Authenticator } from "./authenticate.ts";

const defaultLifetime = 24 * 3600;
const longestLifetime = 90 * 24 * 3600;

/**
 * Answers IstioCertificateService/CreateCertificate: certifies the caller's key for the identity that the
 * caller was authenticated as, and for no other, whatever the request asks for.
 */
export function createCertificateService(options: {
  readonly authenticator: Authenticator;
  readonly signer: CertificateSigner;
  trustDomain(): string;
  readonly log: Logger;
}): (call: GrpcCall) => Promise<void> {
  return async (call) => {
    const caller = await options.authenticator.authenticate(call);
    const request = await readUnary(call, IstioCertificateRequestSchema);
    const identity = `spiffe://${options.trustDomain()}/ns/${caller.namespace}/sa/${caller.serviceAccount}`;
    let asked: readonly string[];
    try {
      asked = readCsr(request.csr).uris;
    } catch (reason) {
      throw new GrpcError(
        grpcStatus.invalidArgument,
        `CSR is not usable: ${reason instanceof Error ? reason.message : String(reason)}`,
      );
    }
    const foreign = asked.find((uri) => uri !== identity);
    if (foreign !== undefined) {
      options.log.warn(
        { identity, asked: foreign.slice(0, 200) },
        "a certificate for another identity was asked for",
      );
      throw new GrpcError(
        grpcStatus.unauthenticated,
        "the CSR names an identity that the caller does not have",
      );
    }
    const wanted = Number(request.validityDuration);
    const lifetime = wanted > 0 ? Math.min(wanted, longestLifetime) : defaultLifetime;
    const certChain = options.signer.sign(request.csr, [identity], lifetime);
    call.send(
      toBinary(
        IstioCertificateResponseSchema,
        create(IstioCertificateResponseSchema, { certChain: [...certChain] }),
      ),
    );
  };
}
