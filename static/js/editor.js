// The editor's small conveniences. Everything here is also possible without: saving, checking, folding, moving.
"use strict";

const sheet = document.getElementById("sheet");

// Folding: a block remembers in its hidden field whether it stands open, so that a post brings it back so.
document.addEventListener("toggle", (event) => {
  const kept = event.target.querySelector?.(":scope > [data-open]");
  if (kept) kept.value = event.target.open ? "1" : "0";
}, true);

function reveal(id) {
  const target = id && document.getElementById(decodeURIComponent(id));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView({ block: "start" });
  if (target.matches("input, select, textarea")) target.focus({ preventScroll: true });
}

window.addEventListener("hashchange", () => reveal(location.hash.slice(1)));
document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".rail a[href^='#'], #summary a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) reveal(location.hash.slice(1));
});

// A note that names a line leads there.
function goTo(link) {
  const text = document.getElementById(link.hash.slice(1));
  if (!text || !("selectionStart" in text)) return;
  const [line, column] = link.dataset.at.split(":").map(Number);
  const lines = text.value.split("\n");
  const before = lines.slice(0, line - 1).reduce((length, each) => length + each.length + 1, 0);
  const at = Math.min(before + column - 1, text.value.length);
  const word = /^\w+|^./.exec(text.value.slice(at));
  text.focus({ preventScroll: true });
  text.setSelectionRange(at, at + (word ? word[0].length : 0));
  text.scrollTop = Math.max(0, (text.scrollHeight / lines.length) * (line - 4));
  text.scrollIntoView({ block: "nearest" });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-at]");
  if (!link) return;
  event.preventDefault();
  goTo(link);
});

if (sheet) {
  // Where the rail lies across the page, it begins where one is.
  const here = document.querySelector(".rail [aria-current='page']");
  if (here) here.closest("ol").scrollLeft = here.offsetLeft - 16;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      sheet.requestSubmit();
    }
  });
  if (location.hash) reveal(location.hash.slice(1));
}

// A new integration's address follows its name until somebody writes one.
const slug = document.querySelector("input[data-slug-of]");
if (slug) {
  const name = document.getElementById(slug.dataset.slugOf);
  let own = slug.value !== "";
  slug.addEventListener("input", () => { own = slug.value !== ""; });
  name.addEventListener("input", () => {
    if (!own) {
      slug.value = name.value.normalize("NFKD").toLowerCase().replace(/→/g, " to ").replace(/[\u0300-\u036f]/g, "")
        .replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 100);
    }
  });
}
