// Tables edited like a spreadsheet: keys move between cells and shape rows, and cells are pasted.
"use strict";

const grid = {
  LONGEST_PASTE: 1000000,
  LONGEST_SETTLING: 500,
  acting: Promise.resolve(),

  control: (cell) => cell?.querySelector("input:not([type='hidden']), select, textarea"),
  body: (cell) => cell.closest("tbody"),
  column: (cell) => [...cell.parentElement.children].indexOf(cell),

  // The cell so many rows and columns away.
  neighbour(cell, down, right) {
    const row = this.body(cell).rows[cell.parentElement.sectionRowIndex + down];
    const found = row?.cells[this.column(cell) + right];
    return found?.matches("td.field") ? found : null;
  },

  go(cell) {
    const control = this.control(cell);
    if (!control) return false;
    control.focus();
    if (control.matches("input")) control.select();
    return true;
  },

  // Where a key leads, as [down, right]; null where it belongs to the text or the choice itself.
  step(event) {
    const { key, target, shiftKey } = event;
    if (event.ctrlKey || event.metaKey) return null;
    const isText = target.matches("input[type='text'], textarea");
    const collapsed = isText && target.selectionStart === target.selectionEnd;
    const atStart = !isText || (collapsed && target.selectionStart === 0);
    const atEnd = !isText || (collapsed && target.selectionEnd === target.value.length);
    const isLine = target.matches("input");
    if (key === "Enter" && !target.matches("textarea")) return [shiftKey ? -1 : 1, 0];
    if (shiftKey) return null;
    if (key === "ArrowUp" && (isLine || (isText && atStart))) return [-1, 0];
    if (key === "ArrowDown" && (isLine || (isText && atEnd))) return [1, 0];
    if (key === "ArrowLeft" && atStart) return [0, -1];
    if (key === "ArrowRight" && atEnd) return [0, 1];
    return null;
  },

  // Alt and a key shape the rows: what to do with the innermost row or block.
  verb({ key, code, shiftKey }) {
    if (key === "ArrowUp" && !shiftKey) return "up";
    if (key === "ArrowDown") return shiftKey ? "duplicate" : "down";
    if (key === "Enter") return "after";
    if (shiftKey && (key === "Backspace" || key === "Delete")) return "delete";
    return code === "KeyZ" ? "undo" : null;
  },

  undo() {
    this.queue(() => {
      const button = [...sheet.querySelectorAll(".said button[value^='restore:']")].at(-1);
      return button && this.send(button.closest("[data-list]"), button.value);
    });
  },

  // One act after another: a list is replaced by each, and a second request would end the first.
  queue(act) {
    this.acting = this.acting.then(act);
    return this.acting;
  },

  // On the row that has the focus by then.
  act(verb) {
    this.queue(() => {
      const item = document.activeElement?.closest("tr[data-item], .block");
      return item && sheet.contains(item) ? this.shape(item, verb) : null;
    });
  },

  async shape(item, verb) {
    const list = item.closest("[data-list]");
    const button = item.querySelector(`:scope > .acts [value^='${verb}:'], :scope > .acts-cell [value^='${verb}:']`);
    if (button?.disabled) return;
    const cell = document.activeElement.closest("td.field");
    const place = { id: list.id, column: cell ? this.column(cell) : -1, row: cell ? item.sectionRowIndex : -1, verb };
    await this.send(list, `${verb}:${item.dataset.item}`);
    this.settle(place);
  },

  // Done when the new rows stand there, or could not be fetched. Rows replaced before they settled never tell.
  send(list, act, more = {}) {
    const done = new AbortController();
    return new Promise((resolve) => {
      const options = { signal: done.signal };
      sheet.addEventListener("htmx:afterSettle", resolve, options);
      const answered = (event) => setTimeout(resolve, event.detail.successful ? this.LONGEST_SETTLING : 0);
      document.addEventListener("htmx:afterRequest", answered, options);
      htmx.ajax("POST", "", { source: list, values: { act, ...more } });
    }).finally(() => done.abort());
  },

  // The focus stays in its column: in the row that moved or came, or that took a deleted one's place.
  settle({ id, column, row, verb }) {
    const list = document.getElementById(id);
    if (column < 0 || !list) return;
    const rows = [...list.querySelectorAll(":scope > .table-wrap tbody > tr")];
    const at = verb === "delete" ? rows[Math.min(row, rows.length - 1)] : document.activeElement.closest("tr");
    if (at && list.contains(at)) this.go(at.cells[column]);
  },

  // Rows of a spreadsheet, and of one column of it; anything else is pasted as text.
  isRows(event) {
    const { clipboardData, target } = event;
    const text = clipboardData.getData("text/plain");
    if (target.matches("textarea")) return text.includes("\t") && /<t[dr]\b/i.test(clipboardData.getData("text/html"));
    return text.includes("\t") || text.trimEnd().includes("\n");
  },

  say(list, message) {
    const line = document.createElement("p");
    line.className = "said";
    line.setAttribute("role", "status");
    list.querySelector(":scope > .said:not(:has(button))")?.remove();
    list.querySelector(":scope > .table-wrap").before(line);
    line.textContent = message;
  },

  async paste(event) {
    const text = event.clipboardData.getData("text/plain");
    const list = event.target.closest("[data-list]");
    event.preventDefault();
    if (text.length > this.LONGEST_PASTE) {
      this.say(list, "Nothing was pasted: that is more than a list holds.");
      return;
    }
    const { name } = event.target;
    const { id } = list;
    await this.queue(() => {
      const here = document.getElementById(id);
      return here && this.send(here, `paste:${name}`, { pasted: text });
    });
  },
};

if (sheet) {
  // The focus is nowhere for a moment where the row that had it was deleted.
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || !(sheet.contains(event.target) || event.target === document.body)) return;
    const verb = event.altKey && !event.ctrlKey && !event.metaKey ? grid.verb(event) : null;
    if (verb === "undo") {
      event.preventDefault();
      grid.undo();
    } else if (verb && event.target.closest("tr[data-item], .block")) {
      event.preventDefault();
      grid.act(verb);
    }
    const cell = event.target.closest(".edit-table td.field");
    const step = !verb && cell && grid.step(event);
    if (!step) return;
    const next = grid.neighbour(cell, ...step);
    if (next) {
      event.preventDefault();
      grid.go(next);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const isBlank = [...cell.parentElement.cells].every((each) => !grid.control(each)?.value);
      if (!event.shiftKey && !isBlank) grid.act("after");
    }
  });
  sheet.addEventListener("paste", (event) => {
    if (event.target.closest?.(".edit-table td.field") && grid.isRows(event)) grid.paste(event);
  });
}
