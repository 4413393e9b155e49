const drawings = {
  mesh: (
    <>
      <circle cx="4" cy="8" r="2.5" />
      <circle cx="12" cy="8" r="2.5" />
      <path d="M6.5 8h3" />
    </>
  ),
  traffic: (
    <>
      <circle cx="3.5" cy="8" r="1.75" />
      <circle cx="12.5" cy="3.75" r="1.75" />
      <circle cx="12.5" cy="12.25" r="1.75" />
      <path d="M5.2 7.2 10.9 4.5M5.2 8.8l5.7 2.7" />
    </>
  ),
  check: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="m5.6 8.2 1.7 1.7 3.2-3.6" />
    </>
  ),
  service: (
    <>
      <path d="M2.5 5.5 8 2.5l5.5 3v5L8 13.5l-5.5-3z" />
      <path d="M2.5 5.5 8 8.5l5.5-3M8 8.5v5" />
    </>
  ),
  workload: (
    <>
      <rect x="2.5" y="2.5" width="11" height="4.5" rx="1.25" />
      <rect x="2.5" y="9" width="11" height="4.5" rx="1.25" />
      <path d="M5 4.75h.01M5 11.25h.01" />
    </>
  ),
  policy: (
    <>
      <path d="M3.5 2.5h6l3 3v8h-9z" />
      <path d="M9.5 2.5v3h3M5.75 8.5h4.5M5.75 11h3" />
    </>
  ),
  trust: <path d="M8 2.25 3 4v3.75c0 3 2.1 5 5 6 2.9-1 5-3 5-6V4z" />,
  live: <path d="M1.75 8h2.5L6 3.5l3.5 9L11.5 8h2.75" />,
  trace: <path d="M2.5 4h6M5 8h6M8.5 12h5" />,
  cluster: (
    <>
      <rect x="2.5" y="3" width="11" height="10" rx="2" />
      <path d="M2.5 6.5h11" />
    </>
  ),
  workspace: (
    <>
      <rect x="2.5" y="2.5" width="7" height="7" rx="1.5" />
      <path d="M12 6.5a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 12" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4" />
      <path d="m10 10 3.5 3.5" />
    </>
  ),
  lock: (
    <>
      <rect x="3.5" y="7" width="9" height="6.5" rx="1.5" />
      <path d="M5.5 7V5.25a2.5 2.5 0 0 1 5 0V7" />
    </>
  ),
  unlock: (
    <>
      <rect x="3.5" y="7" width="9" height="6.5" rx="1.5" />
      <path d="M5.5 7V4.75a2.5 2.5 0 0 1 4.8-.9" />
    </>
  ),
  gateway: <path d="M2 5.5h10.5M9.75 2.75 12.5 5.5 9.75 8.25M14 10.75H3.5M6.25 8 3.5 10.75l2.75 2.75" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="2.75" />
      <path d="M8 1.75v1.5M8 12.75v1.5M1.75 8h1.5M12.75 8h1.5M3.6 3.6l1 1M11.4 11.4l1 1M12.4 3.6l-1 1M4.6 11.4l-1 1" />
    </>
  ),
  moon: <path d="M13 9.75A5.5 5.5 0 0 1 6.25 3a5.5 5.5 0 1 0 6.75 6.75z" />,
  pause: <path d="M5.75 4v8M10.25 4v8" />,
  play: <path d="M5 3.5v9l7-4.5z" />,
  close: <path d="m4.25 4.25 7.5 7.5m0-7.5-7.5 7.5" />,
  right: <path d="m6 3.75 4.25 4.25L6 12.25" />,
  down: <path d="m4 6.25 4 4 4-4" />,
  arrow: <path d="M2.5 8h11M9.5 4l4 4-4 4" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5" />
    </>
  ),
  tick: <path d="m3.5 8.5 3 3 6-6.5" />,
  bad: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="m6 6 4 4m0-4-4 4" />
    </>
  ),
  warning: (
    <>
      <path d="M8 2.75 14 13H2z" />
      <path d="M8 6.75v2.75M8 11.4h.01" />
    </>
  ),
  info: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M8 7.5v3.25M8 5.3h.01" />
    </>
  ),
  ingress: <path d="M8 2.5v8M4.75 7.5 8 10.75l3.25-3.25M3 13.5h10" />,
  export: <path d="M8 10.5v-8M4.75 5.5 8 2.25 11.25 5.5M3 13.5h10" />,
  split: <path d="M2.5 8h3c2.5 0 2.5-4 5-4h3M5.5 8c2.5 0 2.5 4 5 4h3" />,
  cut: <path d="M2 8h3.5M10.5 8H14M7 4.5l-1 7M10 4.5l-1 7" />,
  plus: <path d="M8 3.5v9M3.5 8h9" />,
  minus: <path d="M3.5 8h9" />,
  fit: <path d="M2.75 6V2.75H6M10 2.75h3.25V6M13.25 10v3.25H10M6 13.25H2.75V10" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M8 4.75V8l2.25 1.5" />
    </>
  ),
  mute: (
    <>
      <path d="M3 6.25v3.5h2.25L8.5 12.5v-9L5.25 6.25z" />
      <path d="m11 6.5 3 3m0-3-3 3" />
    </>
  ),
  stop: <rect x="4" y="4" width="8" height="8" rx="1.5" />,
  options: (
    <>
      <path d="M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6" />
      <circle cx="10" cy="5" r="1.5" />
      <circle cx="6" cy="11" r="1.5" />
    </>
  ),
  table: (
    <>
      <rect x="2.5" y="3" width="11" height="10" rx="1.5" />
      <path d="M2.5 6.5h11M6.5 6.5V13" />
    </>
  ),
} as const;

export type IconName = keyof typeof drawings;

/** A drawn sign. It says nothing to screen readers: the words beside it do. */
export function Icon({ name, size }: { readonly name: IconName; readonly size?: 12 | 14 }) {
  return (
    <svg className="icon" width={size ?? 16} height={size ?? 16} viewBox="0 0 16 16" aria-hidden="true">
      {drawings[name]}
    </svg>
  );
}
