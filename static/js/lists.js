// Choosing rows: x takes the row one is at, shift takes all between. Lists work without this file.
"use strict";

const BOX = "[data-rows] .choose input[type=checkbox]";
const boxes = (form) => [...form.querySelectorAll(BOX)];
let last = null;

function tell(form) {
  const all = boxes(form);
  const chosen = all.filter((box) => box.checked).length;
  const count = form.querySelector("[data-count]");
  count.hidden = chosen === 0;
  count.textContent = `${chosen} chosen`;
  const page = form.querySelector("[data-page]");
  page.hidden = false;
  page.checked = chosen > 0 && chosen === all.length;
  page.indeterminate = chosen > 0 && chosen < all.length;
}

function choose(form, box, { through }) {
  const all = boxes(form);
  const from = through && last?.isConnected ? all.indexOf(last) : -1;
  if (from >= 0) {
    const at = all.indexOf(box);
    all.slice(Math.min(from, at), Math.max(from, at) + 1).forEach((each) => { each.checked = box.checked; });
  }
  last = box;
  tell(form);
}

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-chooses]");
  if (!form) return;
  if (event.target.matches(BOX)) choose(form, event.target, { through: event.shiftKey });
  if (event.target.matches("[data-page]")) {
    boxes(form).forEach((box) => { box.checked = event.target.checked; });
    tell(form);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  const row = document.activeElement.closest("[data-rows] tr") ?? document.querySelector("[data-rows] tr.is-at");
  const box = row?.querySelector(".choose input[type=checkbox]");
  if (!box) return;
  event.preventDefault();
  box.checked = !box.checked;
  choose(box.form, box, { through: event.shiftKey });
});

const begin = () => document.querySelectorAll("[data-chooses]").forEach(tell);
document.addEventListener("htmx:afterSwap", begin);
begin();
