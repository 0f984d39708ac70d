// What is asked for again every few seconds: not under somebody's hands, nor over what they typed, nor where nobody looks.
"use strict";

const isTyped = (board) => [...board.querySelectorAll("textarea")].some((each) => each.value !== each.defaultValue);

document.addEventListener("htmx:beforeRequest", (event) => {
  const board = event.target;
  if (!board.matches("[data-refreshes]")) return;
  const isUsed = board.contains(document.activeElement) || !getSelection().isCollapsed || isTyped(board);
  if (document.hidden || isUsed) event.preventDefault();
});
