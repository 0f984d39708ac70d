// Small conveniences of starting from something. Everything here is also possible without.
"use strict";

// Choosing from a menu ticks what the menu belongs to.
document.addEventListener("change", (event) => {
  const box = document.getElementById(event.target.dataset?.ticks ?? "");
  if (box && event.target.value) box.checked = true;
});

// What one has opened stays open when the preview is drawn anew.
const folds = () => [...document.querySelectorAll("#preview details")];
const named = (fold) => fold.querySelector("summary .what, summary")?.textContent.replace(/\d+/g, "").trim();
let opened = new Set();
document.addEventListener("htmx:beforeSwap", () => {
  opened = new Set(folds().filter((fold) => fold.open).map(named));
});
document.addEventListener("htmx:afterSwap", () => {
  for (const fold of folds()) if (opened.has(named(fold))) fold.open = true;
});
