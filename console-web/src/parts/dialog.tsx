import { type ReactNode, useEffect, useRef } from "react";
import { Icon } from "../icons.tsx";

/** A window over the page. Esc, its close button and a click beside it close it. */
export function Dialog({
  title,
  width,
  onClose,
  children,
  footer,
}: {
  readonly title?: string;
  readonly width: number;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly footer?: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes it too, the click beside it is a convenience.
    <dialog
      ref={dialog}
      style={{ width }}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      {title === undefined ? null : (
        <header>
          <h2 className="grow">{title}</h2>
          <button type="button" className="icon-button" onClick={onClose} title="Close (Esc)">
            <Icon name="close" />
            <span className="said">Close</span>
          </button>
        </header>
      )}
      {children}
      {footer === undefined ? null : <footer>{footer}</footer>}
    </dialog>
  );
}
