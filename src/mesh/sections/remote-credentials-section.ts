import { field, object } from "../schema/object.ts";
import { text } from "../schema/values.ts";

/** `remoteCredentials`: with what control planes read other clusters. */
export const remoteCredentialsSection = object("remoteCredentials has", {
  lifetime: field(
    text({
      // API servers issue no token for less than ten minutes (TokenRequest).
      pattern: /^([1-9]\d|[1-9]\d{2,4})m$|^[1-9]\d{0,3}h$/,
      code: "mesh/bad-value",
      what: "how long a credential lives",
      hint: "use minutes or hours, such as 90m or 24h: at least 10m",
    }),
    "Tokens live that long and are renewed when half of it is over, by the manager of a management cluster, by the embedded engine, or by the next `apply`. Without it they have no end, as those of `istioctl create-remote-secret`.",
    { examples: ["24h"] },
  ),
});
