import type { Case } from "../case.ts";
import { faultCases } from "./faults.ts";
import { gatewayCases } from "./gateway.ts";
import { grpcCases } from "./grpc.ts";
import { hostileCases } from "./hostile.ts";
import { httpCases } from "./http.ts";
import { policyCases } from "./policy.ts";
import { resilienceCases } from "./resilience.ts";
import { revocationCases } from "./revocation.ts";
import { rewriteCases } from "./rewrites.ts";
import { routeCases } from "./routes.ts";
import { tlsCases } from "./tls.ts";
import { tokenCases } from "./tokens.ts";
import { tracingCases } from "./tracing.ts";

/** The whole table. */
export const allCases: readonly Case[] = [
  ...routeCases,
  ...rewriteCases,
  ...faultCases,
  ...httpCases,
  ...grpcCases,
  ...hostileCases,
  ...tracingCases,
  ...revocationCases,
  ...gatewayCases,
  ...policyCases,
  ...resilienceCases,
  ...tlsCases,
  ...tokenCases,
];
