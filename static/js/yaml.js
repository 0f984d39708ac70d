// The record as text: numbered lines, checked while one types, saved when one says so.
"use strict";

const yaml = {
  CHECK_AFTER: 500,
  MOST_NUMBERED: 5000,
  text: document.getElementById("text"),
  numbers: document.getElementById("line-numbers"),
  lines: {},
  timer: 0,
  asked: 0,

  // Numbers follow the text and its scrolling, and bear what there is to say of their line.
  number() {
    const count = Math.min(this.text.value.split("\n").length, this.MOST_NUMBERED);
    while (this.numbers.childElementCount > count) this.numbers.lastChild.remove();
    while (this.numbers.childElementCount < count) {
      const number = document.createElement("span");
      number.textContent = String(this.numbers.childElementCount + 1);
      this.numbers.append(number);
    }
    this.numbers.scrollTop = this.text.scrollTop;
  },

  mark(lines) {
    for (const line of Object.keys(this.lines)) this.numbers.children[line - 1]?.removeAttribute("class");
    this.lines = lines;
    for (const [line, severity] of Object.entries(lines)) this.numbers.children[line - 1]?.classList.add(`is-${severity}`);
  },

  go(line) {
    const before = this.text.value.split("\n").slice(0, line - 1);
    const start = before.reduce((sum, each) => sum + each.length + 1, 0);
    const end = this.text.value.indexOf("\n", start);
    this.text.focus();
    this.text.setSelectionRange(start, end < 0 ? this.text.value.length : end);
    const height = this.text.scrollHeight / this.text.value.split("\n").length;
    this.text.scrollTop = Math.max(0, height * (line - 4));
  },

  async check() {
    const asked = ++this.asked;
    const body = unsaved.typed();
    body.set("check", "1");
    const answer = await autosave.ask(location.pathname, body);
    if (asked === this.asked && answer.lines) this.take(answer);
    else if (answer.state === "refused" || answer.state === "expired") autosave[answer.state](answer);
  },

  take(answer) {
    autosave.swap(answer.parts);
    this.mark(answer.lines);
  },
};

if (yaml.text) {
  // Half-written text says things nobody means, so it is saved only when somebody asks for it, or goes to the form.
  Object.assign(autosave, {
    async attempt() {
      const edits = unsaved.edits;
      if (unsaved.is) this.show("saving");
      const answer = await this.ask(location.pathname, unsaved.typed());
      if (answer.lines) yaml.take(answer);
      (this[answer.state] ?? this.refused).call(this, answer, edits);
    },

    saved(answer, edits) {
      this.failures = 0;
      const isUntouched = edits === unsaved.edits;
      this.savedAt = Date.now() - answer.seconds_ago * 1000;
      if (answer.merged !== null && !isUntouched) return this.schedule(1000);
      sheet.elements.base.value = answer.base;
      sheet.dataset.etag = answer.etag;
      if (answer.merged !== null) yaml.bring(answer.merged);
      if (isUntouched) unsaved.forget();
      return this.show(isUntouched && answer.said ? "merged" : "", answer.said);
    },

    problems(answer) { this.show("problems", `Not saved: ${answer.said}`); },
    clash(answer) { this.show("clash", `Not saved: ${answer.said}`); },
    showProblem: () => document.querySelector("#marks [data-line]")?.click(),
  });

  yaml.bring = (merged) => {
    const { selectionStart, selectionEnd, scrollTop } = yaml.text;
    yaml.text.value = merged;
    yaml.text.setSelectionRange(selectionStart, selectionEnd);
    yaml.text.scrollTop = scrollTop;
    yaml.number();
    yaml.check();
  };

  yaml.text.addEventListener("input", () => {
    unsaved.mark();
    autosave.show("");
    yaml.number();
    clearTimeout(yaml.timer);
    yaml.timer = setTimeout(() => yaml.check(), yaml.CHECK_AFTER);
  });
  yaml.text.addEventListener("scroll", () => { yaml.numbers.scrollTop = yaml.text.scrollTop; });
  document.addEventListener("click", (event) => {
    const line = event.target.closest?.("[data-line]")?.dataset.line;
    if (!line) return;
    event.preventDefault();
    yaml.go(Number(line));
  });
  for (const number of yaml.numbers.querySelectorAll("[class]")) {
    yaml.lines[number.textContent] = number.className.replace("is-", "");
  }
  yaml.number();
}
