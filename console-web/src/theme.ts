// Loaded before anything is drawn, so that a dark page never flashes white: the theme that was chosen, else the system's.
const isDark = matchMedia("(prefers-color-scheme: dark)");

function show(): void {
  const chosen = localStorage.getItem("isthmus.theme");
  const isChosen = chosen === "light" || chosen === "dark";
  document.documentElement.dataset["theme"] = isChosen ? chosen : isDark.matches ? "dark" : "light";
}

show();
isDark.addEventListener("change", show);
