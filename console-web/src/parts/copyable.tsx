import { useState } from "react";
import { Icon } from "../icons.tsx";

/** A command to copy. */
export function Copyable({ text }: { readonly text: string }) {
  return (
    <div className="copyable">
      <code>{text}</code>
      <CopyButton text={text} />
    </div>
  );
}

export function CopyButton({ text, label = "Copy" }: { readonly text: string; readonly label?: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  };
  return (
    <button type="button" className="icon-button" onClick={copy} title={isCopied ? "Copied" : label}>
      <Icon name={isCopied ? "tick" : "copy"} size={14} />
      <span className="said">{isCopied ? "Copied" : label}</span>
    </button>
  );
}
