import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/parts.css";
import "../styles/shell.css";
import "../styles/lists.css";
import "../styles/mesh.css";
import "../styles/traffic.css";
import "../styles/live.css";
import "../styles/traces.css";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";

// The token has become a cookie: it must not stay in the address, where it would be copied along.
const url = new URL(location.href);
if (url.searchParams.has("token")) {
  url.searchParams.delete("token");
  history.replaceState(null, "", `${url.pathname}${url.search}`);
}

const place = document.getElementById("console");
if (place !== null) createRoot(place).render(<App />);
