// Loaded before anything is drawn, so that a dark page never flashes white.
const kept = localStorage.getItem("isthmus.theme");
if (kept === "light" || kept === "dark") document.documentElement.dataset["theme"] = kept;
