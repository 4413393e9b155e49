import { Icon } from "../icons.tsx";

/** Where clients reach a gateway. Its kind is said by sign and word. */
export function GatewayAddress({
  kind,
  address,
  port,
  url,
}: {
  readonly kind: "ingress" | "eastwest";
  /** Absent: it has none yet. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly url?: string | undefined;
}) {
  const word = kind === "ingress" ? "ingress" : "east-west";
  const text = address === undefined ? "no address yet" : `${address}${port === undefined ? "" : `:${port}`}`;
  return (
    <span className="row tight small gateway-address" title={`${word} gateway, ${text}`}>
      <Icon name={kind === "ingress" ? "ingress" : "gateway"} size={12} />
      <span className="said">{word}</span>
      {url === undefined ? (
        <span className={address === undefined ? "warn" : "mono clip"}>{text}</span>
      ) : (
        <a className="link mono clip" href={url} target="_blank" rel="noreferrer">
          {text}
        </a>
      )}
    </span>
  );
}
