// The map: zoom, drag, and what belongs to a box. Without this file it is an image that scrolls.
"use strict";

function landscape(frame) {
  const map = frame.querySelector("svg.map");
  const tools = document.querySelector(".map-tools");
  const natural = { width: map.viewBox.baseVal.width, height: map.viewBox.baseVal.height };
  const smallest = 0.2;
  const largest = 3;
  let scale = 1;

  // --- zoom ---
  function zoomTo(wanted, x = frame.clientWidth / 2, y = frame.clientHeight / 2) {
    const before = scale;
    scale = Math.min(Math.max(wanted, smallest), largest);
    map.setAttribute("width", natural.width * scale);
    map.setAttribute("height", natural.height * scale);
    frame.scrollLeft = (frame.scrollLeft + x) * (scale / before) - x;
    frame.scrollTop = (frame.scrollTop + y) * (scale / before) - y;
  }
  function fitted() {
    return Math.min((frame.clientWidth - 24) / natural.width, (window.innerHeight * 0.78 - 24) / natural.height, 1);
  }
  const acts = { in: () => zoomTo(scale * 1.25), out: () => zoomTo(scale / 1.25), fit: () => zoomTo(fitted()) };

  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) acts[button.dataset.zoom]();
  });
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    zoomTo(scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  frame.addEventListener("keydown", (event) => {
    const act = { "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[act]();
  });

  // --- drag ---
  let held = null;
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    held = { x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop, moved: false };
  });
  window.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.moved && Math.hypot(dx, dy) < 5) return;
    held.moved = true;
    frame.classList.add("is-held");
    frame.scrollLeft = held.left - dx;
    frame.scrollTop = held.top - dy;
  });
  window.addEventListener("pointerup", () => {
    // The click that ends a drag is not meant for the link below it.
    if (held?.moved) window.addEventListener("click", (event) => { event.preventDefault(); event.stopPropagation(); }, { capture: true, once: true });
    setTimeout(() => { held = null; frame.classList.remove("is-held"); });
  });
  map.addEventListener("dragstart", (event) => event.preventDefault());

  // --- what belongs to a box ---
  function light(place) {
    const lit = (line) => place && (line.dataset.from === place.dataset.place || line.dataset.to === place.dataset.place);
    map.querySelectorAll(".map-line").forEach((line) => line.classList.toggle("is-lit", Boolean(lit(line))));
    map.classList.toggle("has-lit", Boolean(place));
  }
  for (const kind of ["pointerover", "focusin"]) map.addEventListener(kind, (event) => light(event.target.closest(".map-place")));
  for (const kind of ["pointerleave", "focusout"]) map.addEventListener(kind, () => light(null));

  if (fitted() < 1) zoomTo(Math.max(fitted(), 0.75));
  const middle = (map.querySelector(".is-focus") ?? map).getBoundingClientRect();
  const box = frame.getBoundingClientRect();
  frame.scrollLeft += middle.x + middle.width / 2 - box.x - box.width / 2;
  frame.scrollTop += middle.y + middle.height / 2 - box.y - box.height / 2;
}

// A line that stands for several integrations leads into the list, which may be folded.
function unfold() {
  const row = location.hash.startsWith("#line-") && document.getElementById(location.hash.slice(1));
  if (!row) return;
  document.getElementById("lines").open = true;
  row.scrollIntoView({ block: "center" });
}

document.querySelectorAll(".map-frame").forEach(landscape);
addEventListener("hashchange", unfold);
unfold();
