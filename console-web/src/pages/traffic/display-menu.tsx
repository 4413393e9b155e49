import { useEffect, useRef, useState } from "react";
import { Icon } from "../../icons.tsx";
import { type Choice, choices, type Display, type Quantile, quantiles } from "./display.ts";

const groups = [...new Set(choices.map(({ group }) => group))];

/** What of the graph is drawn. */
export function DisplayMenu({
  display,
  onToggle,
  onQuantile,
}: {
  readonly display: Display;
  readonly onToggle: (choice: Choice) => void;
  readonly onQuantile: (quantile: Quantile) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const close = (event: Event) => {
      const isEsc = event instanceof KeyboardEvent && event.key === "Escape";
      const isBeside = event.type === "pointerdown" && !place.current?.contains(event.target as Node);
      if (isEsc || isBeside) setOpen(false);
    };
    window.addEventListener("pointerdown", close);
    window.addEventListener("keydown", close);
    return () => {
      window.removeEventListener("pointerdown", close);
      window.removeEventListener("keydown", close);
    };
  }, [isOpen]);
  return (
    <div style={{ position: "relative" }} ref={place}>
      <button type="button" className="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name="options" size={14} />
        Display
      </button>
      {isOpen ? (
        <div className="popover display-menu">
          {groups.map((group) => (
            <fieldset key={group}>
              <legend className="caption">{group}</legend>
              {choices
                .filter((choice) => choice.group === group)
                .map(({ id, text }) => (
                  <label key={id} className="check">
                    <input type="checkbox" checked={display.shows.has(id)} onChange={() => onToggle(id)} />
                    <span className="grow">{text}</span>
                    {id === "time" && display.shows.has("time") ? (
                      <select
                        className="field"
                        style={{ height: 22 }}
                        aria-label="Which response time"
                        value={display.quantile}
                        onChange={(event) => onQuantile(event.target.value as Quantile)}
                      >
                        {quantiles.map((one) => (
                          <option key={one}>{one}</option>
                        ))}
                      </select>
                    ) : null}
                  </label>
                ))}
            </fieldset>
          ))}
        </div>
      ) : null}
    </div>
  );
}
