// The dialog that Ctrl-K opens: results as one types, arrows to choose, Enter to open. The search page needs none of it.
"use strict";

const jump = document.getElementById("jump");

if (jump) {
  const input = jump.querySelector("input");
  const found = document.getElementById("jump-found");
  const options = () => [...found.querySelectorAll("[role='option']")];

  const choose = (at) => {
    const list = options();
    const chosen = list.length ? list[(at + list.length) % list.length] : null;
    list.forEach((option) => option.setAttribute("aria-selected", String(option === chosen)));
    if (chosen) {
      input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
    input.setAttribute("aria-expanded", String(Boolean(chosen)));
  };
  const chosenAt = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");

  const open = () => {
    if (jump.open || document.querySelector("dialog[open]")) return;
    jump.showModal();
    input.select();
    htmx.trigger(input, "opened");
  };

  document.addEventListener("keydown", (event) => {
    const asked = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";
    if (!asked) return;
    event.preventDefault();
    open();
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosenAt() + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      const chosen = options()[chosenAt()];
      // What is listed may still be the answer to fewer letters; the page then answers all of them.
      if (!chosen || found.dataset.for !== input.value) return;
      event.preventDefault();
      location.assign(chosen.href);
      jump.close();
    }
  });

  found.addEventListener("htmx:beforeSwap", (event) => {
    found.dataset.for = event.detail.requestConfig.parameters.q ?? "";
  });
  found.addEventListener("htmx:afterSwap", () => choose(0));
  jump.addEventListener("click", (event) => {
    if (event.target === jump || event.target.closest("[role='option']")) jump.close();
  });
  document.querySelectorAll("[data-jumps]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", open);
  });
}
