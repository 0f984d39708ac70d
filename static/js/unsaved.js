// What is typed and not saved yet: kept in this browser, offered back, and not left behind unasked.
"use strict";

const unsaved = {
  key: sheet && `unsaved:${sheet.dataset.keptAs}`,
  edits: 0,
  leaving: false,
  timer: 0,

  get is() { return "unsaved" in sheet.dataset; },

  // What a post would carry, without what belongs to the moment only.
  typed() {
    const form = new FormData(sheet);
    for (const name of [...form.keys()]) {
      if (/^(csrfmiddlewaretoken$|noted$|pasted|undo\.)/.test(name)) form.delete(name);
    }
    return new URLSearchParams(form);
  },

  // Somebody edited: remember that, and what is typed, a moment later.
  mark() {
    this.edits += 1;
    sheet.dataset.unsaved = "";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), 300);
  },

  keep() {
    clearTimeout(this.timer);
    if (this.is) this.store(this.key, JSON.stringify({ at: Date.now(), body: this.typed().toString() }));
  },

  forget() {
    clearTimeout(this.timer);
    delete sheet.dataset.unsaved;
    this.store(this.key, null);
  },

  store(key, text) {
    try {
      if (text === null) localStorage.removeItem(key);
      else localStorage.setItem(key, text);
      delete sheet.dataset.unkept;
    } catch {
      sheet.dataset.unkept = "";
    }
  },

  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },

  // Texts of earlier visits, which stay until somebody brings them back or throws them away.
  offers() {
    return this.read(`${this.key}:offered`) ?? [];
  },

  offer() {
    const kept = this.read(this.key);
    if (kept && !this.isHere(kept)) this.store(`${this.key}:offered`, JSON.stringify([...this.offers(), kept]));
    this.store(this.key, null);
    this.showOffer();
  },

  isHere(kept) {
    const values = (body) => [...body].filter(([name]) => name !== "base" && !name.endsWith("~open")).join("\n");
    const plain = (text) => text.replace(/\r\n/g, "\n");
    return plain(values(new URLSearchParams(kept.body))) === plain(values(this.typed()));
  },

  showOffer() {
    const box = document.getElementById("kept");
    const kept = this.offers().at(-1);
    box.hidden = !kept;
    if (kept) box.querySelector("[data-when]").textContent = `on ${new Date(kept.at).toLocaleString()}`;
  },

  takeOffer() {
    const offers = this.offers();
    const kept = offers.pop();
    this.store(`${this.key}:offered`, offers.length ? JSON.stringify(offers) : null);
    return kept;
  },

  // The page comes anew with that text in it, on the base it was typed over, so that nobody else's changes are undone.
  bringBack() {
    const kept = this.takeOffer();
    this.store(this.key, JSON.stringify(kept));
    const form = document.createElement("form");
    form.method = "post";
    form.action = sheet.getAttribute("action") ?? "";
    const body = new URLSearchParams(kept.body);
    body.set("check", "1");
    body.set("csrfmiddlewaretoken", sheet.elements.csrfmiddlewaretoken.value);
    for (const [name, value] of body) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = value;
      form.append(field);
    }
    form.hidden = true;
    document.body.append(form);
    this.leaving = true;
    form.submit();
  },
};

if (sheet && "keptAs" in sheet.dataset) {
  if (document.querySelector(".notice[data-tags~='settled']")) unsaved.store(unsaved.key, null);
  if (!unsaved.is) unsaved.offer();
  const box = document.getElementById("kept");
  box.querySelector("[data-bring-back]").addEventListener("click", () => unsaved.bringBack());
  box.querySelector("[data-throw-away]").addEventListener("click", () => {
    unsaved.takeOffer();
    unsaved.showOffer();
  });
  window.addEventListener("pagehide", () => unsaved.keep());
  window.addEventListener("pageshow", () => { unsaved.leaving = false; });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved.is && !unsaved.leaving) event.preventDefault();
  });
}
