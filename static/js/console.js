// Keys, rows, copy buttons, the rail. Every page works without this file.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- keys ---
const places = { h: "/", i: "/integrations/", l: "/landscape/", s: "/systems/", t: "/trail/", a: "/account/" };
let waitingForPlace = 0;

function isTyping(target) {
  return target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
}

function rows() {
  return all("[data-rows] tr:has(.row-link), [data-rows] > li:has(.row-link)");
}

function moveBy(step) {
  const list = rows();
  if (!list.length) return;
  const at = list.findIndex((row) => row.classList.contains("is-at"));
  const next = list[Math.min(Math.max(at + step, 0), list.length - 1)];
  list.forEach((row) => row.classList.toggle("is-at", row === next));
  next.querySelector(".row-link").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// --- from change to change ---
function jumpBy(step) {
  const list = all("[data-change]").filter((each) => each.offsetParent !== null);
  if (!list.length) return;
  const at = list.indexOf(document.activeElement.closest("[data-change]"));
  const edge = innerHeight / 4;
  const ahead = list.findIndex((each) => each.getBoundingClientRect().top > edge);
  const from = step > 0 ? (ahead < 0 ? list.length : ahead) : (ahead < 0 ? list.length : ahead) - 1;
  const place = at >= 0 ? at + step : from;
  const next = list[Math.min(Math.max(place, 0), list.length - 1)];
  all(".is-at[data-change]").forEach((each) => each.classList.remove("is-at"));
  next.classList.add("is-at");
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "center" });
}

const keys = {
  "/": () => all("[data-key='/']").pop()?.focus(),
  "?": () => openDialog("keys"),
  j: () => moveBy(1),
  k: () => moveBy(-1),
  n: () => jumpBy(1),
  p: () => jumpBy(-1),
  e: () => document.querySelector("a[data-key='e']")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    all("details.menu[open]").forEach((menu) => menu.removeAttribute("open"));
    return;
  }
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (Date.now() - waitingForPlace < 1200 && places[event.key]) {
    event.preventDefault();
    location.assign(places[event.key]);
    return;
  }
  waitingForPlace = event.key === "g" ? Date.now() : 0;
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

// --- clicks ---
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) openDialog(opener.dataset.opens);

  const copier = event.target.closest("[data-copies]");
  if (copier) copy(copier);

  all("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
});

async function copy(button) {
  const source = document.getElementById(button.dataset.copies);
  await navigator.clipboard.writeText(source.textContent.trim());
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

// --- the rail follows the reader ---
function followRail(rail) {
  const links = new Map(all("a[href^='#']", rail).map((link) => [link.hash.slice(1), link]));
  const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const edge = window.innerHeight / 4;
    const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < edge);
    const here = atEnd ? headings.at(-1) : passed.at(-1) ?? headings[0];
    links.forEach((link, id) => {
      const isHere = here?.id === id;
      link.classList.toggle("is-here", isHere);
      if (isHere) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    });
  };
  let queued = false;
  addEventListener("scroll", () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; mark(); });
  }, { passive: true });
  mark();
}

// --- lists that filter as one types keep only what says something in their address ---
document.addEventListener("htmx:configRequest", (event) => {
  if (!event.target.matches("form[data-lean]")) return;
  const parameters = event.detail.parameters;
  for (const [name, value] of Object.entries(parameters)) if (value === "") delete parameters[name];
});

// --- whoever was signed out meanwhile and does something is asked to sign in; the editor, which holds text, says so ---
document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig } = event.detail;
  const isAsked = requestConfig.triggeringEvent?.isTrusted && !document.querySelector("[data-sheet]");
  if (xhr.status === 401 && isAsked) location.reload();
});

// --- paper shows what is folded ---
addEventListener("beforeprint", () => all("details.fold:not([open])").forEach((fold) => {
  fold.open = true;
  fold.dataset.unfolded = "";
}));
addEventListener("afterprint", () => all("details[data-unfolded]").forEach((fold) => {
  fold.open = false;
  delete fold.dataset.unfolded;
}));

// What does not scroll need not be a stop of the tab key.
const regions = all(".table-wrap[tabindex], .code[tabindex], .diagram[tabindex]");
const markStops = () => regions.forEach((each) => {
  if (each.scrollWidth <= each.clientWidth && each.scrollHeight <= each.clientHeight) each.removeAttribute("tabindex");
  else each.setAttribute("tabindex", "0");
});
markStops();
window.addEventListener("resize", markStops);
all("[data-follows]").forEach(followRail);
all("button[data-opens][hidden], button[data-copies][hidden], [data-needs-script][hidden]").forEach((button) => { button.hidden = false; });
if (matchMedia("(max-width: 64rem)").matches) all("details[data-folds-when-narrow]").forEach((each) => { each.open = false; });
