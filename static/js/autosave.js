// Saves while somebody types, brings in what others saved, and shows who else is here.
"use strict";

const autosave = {
  IDLE: 4000, // after the last key, while one is still in the field
  CODE: 1500, // the same in a source, whose flaws one wants to hear of
  LEFT: 250, // after one left a field, or a row was added, moved, deleted
  LOOK: 8000, // between two looks at who else is here
  LONGEST_WAIT: 60000,

  running: null,
  isIdle: false,
  failures: 0,
  timer: 0,
  savedAt: 0,
  state: document.getElementById("state"),

  edited(wait) {
    this.isIdle = wait !== this.LEFT;
    unsaved.mark();
    if (sheet.dataset.state !== "clash") this.show("");
    this.schedule(wait);
  },

  schedule(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), wait);
  },

  // One at a time: what was typed while one ran is saved after it.
  async save() {
    clearTimeout(this.timer);
    while (this.running) await this.running;
    this.running = this.attempt();
    try {
      await this.running;
    } finally {
      this.running = null;
    }
    return !unsaved.is;
  },

  async attempt() {
    const sent = unsaved.typed();
    const edits = unsaved.edits;
    const focus = document.activeElement?.name ?? "";
    const body = new URLSearchParams(sent);
    body.set("focus", focus);
    body.set("noted", sheet.elements.noted.value);
    if (unsaved.is) this.show("saving");
    const answer = await this.ask(sheet.dataset.savesTo, body);
    const outcome = this[answer.state] ?? this.refused;
    outcome.call(this, answer, { sent, edits, focus });
  },

  // An object with a state, whatever the network, the session or the server do.
  async ask(url, body) {
    const token = sheet.elements.csrfmiddlewaretoken.value;
    const options = { headers: { "HX-Request": "true", "X-CSRFToken": token }, signal: AbortSignal.timeout(20000) };
    if (body) Object.assign(options, { method: "POST", body });
    try {
      const response = await fetch(url, options);
      if (response.headers.get("Content-Type")?.startsWith("application/json")) return await response.json();
      if (response.status === 401) return { state: "expired" };
      if (response.status === 403) return { state: "foreign" };
      if (response.status === 413) return { state: "refused", said: await response.text() };
      return { state: "failed" };
    } catch {
      return { state: "offline" };
    }
  },

  // --- what may come of it ---
  saved(answer, before) {
    this.failures = 0;
    const takes = this.canTake(answer, before);
    sheet.elements.base.value = takes ? answer.base : answer.sent;
    sheet.dataset.etag = takes ? answer.etag : "";
    this.savedAt = Date.now() - answer.seconds_ago * 1000;
    if (takes) this.take(answer, before);
    if (before.edits === unsaved.edits) {
      unsaved.forget();
      this.show(takes && answer.said ? "merged" : "", answer.said);
      if (!takes) this.schedule(1000);
    } else {
      unsaved.keep();
      this.show("");
    }
  },

  problems(answer) {
    this.failures = 0;
    this.swap(answer.parts);
    this.show("problems", `Not saved: ${answer.said}`);
  },

  clash(answer) {
    this.failures = 0;
    this.swap(answer.parts);
    this.show("clash", `Not saved: ${answer.said}`);
  },

  refused(answer) {
    if (answer.parts) this.swap(answer.parts);
    this.show("refused", `Not saved. ${answer.said ?? ""} What you typed is kept in this browser.`);
  },

  busy() { this.again("", ""); },
  failed() { this.again("failed", "The registry does not answer: your text is kept here, trying again"); },
  offline() { this.again("offline", "Offline: your text is kept here, trying again"); },

  expired() {
    if (unsaved.is) this.again("expired", "You are signed out: your text is kept here.");
    else this.show("expired", "You are signed out.");
  },

  // The session changed in another window: its token comes with the next look.
  async foreign() {
    await this.look();
    this.again("failed", "The registry did not accept this window: trying again");
  },

  again(state, said) {
    if (!unsaved.is) return;
    unsaved.keep();
    this.show(state, said);
    this.failures += 1;
    this.schedule(Math.min(1000 * 2 ** this.failures, this.LONGEST_WAIT));
  },

  showProblem() {
    const first = sheet.querySelector(".note.is-problem")?.closest(".notes");
    if (first) reveal(first.id.replace(/-notes$/, ""));
  },

  show(state, said = "") {
    sheet.dataset.state = state;
    const line = this.state.querySelector("[data-said]");
    const text = said + ("unkept" in sheet.dataset && said ? " (too long to be kept in this browser)" : "");
    if (line.textContent !== text) line.textContent = text;
    this.tick();
  },

  tick() {
    if (!this.savedAt) return;
    const seconds = Math.max(0, Math.round((Date.now() - this.savedAt) / 1000));
    const [length, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([each]) => seconds >= each) ?? [1, "s"];
    const time = this.state.querySelector("[data-saved]");
    time.textContent = `${Math.floor(seconds / length)} ${unit} ago`;
    time.title = new Date(this.savedAt).toLocaleString();
  },

  // --- what others saved ---
  // Not over what was typed on meanwhile, nor under somebody's hands: then the next save merges once more.
  canTake({ values, lists }, { sent, focus }) {
    if (!Object.keys(values).length && !Object.keys(lists).length) return true;
    const now = unsaved.typed();
    const touched = new Set([...sent.keys(), ...now.keys()].filter((name) => sent.get(name) !== now.get(name)));
    touched.delete("base");
    if (Object.keys(values).some((name) => touched.has(name))) return false;
    const roots = Object.keys(lists).map((id) => document.getElementById(id));
    if (roots.some((root) => !root || root.matches(".htmx-request, :has(.htmx-request)"))) return false;
    const isInside = (name) => roots.some((root) => root.contains(named(name)));
    return ![...touched].some(isInside) && (document.activeElement?.name ?? "") === focus;
  },

  take({ values, lists, parts }, { focus }) {
    for (const [id, html] of Object.entries(lists)) this.replaceList(document.getElementById(id), html);
    for (const [name, value] of Object.entries(values)) {
      const control = sheet.elements[name];
      if (!control) continue;
      const { selectionStart, selectionEnd } = control;
      control.value = value;
      if (name === focus && selectionStart != null) control.setSelectionRange(selectionStart, selectionEnd);
      mark(named(name));
    }
    this.swap(parts);
  },

  replaceList(list, html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = holder.content.firstElementChild;
    const inside = list.contains(document.activeElement) && document.activeElement;
    const caret = inside && inside.selectionStart != null ? [inside.selectionStart, inside.selectionEnd] : null;
    list.replaceWith(fresh);
    htmx.process(fresh);
    const focused = inside && fresh.querySelector("[autofocus]");
    if (!focused) return;
    focused.focus({ preventScroll: true });
    if (caret && focused.selectionStart != null) focused.setSelectionRange(...caret);
  },

  // The rail, the summary and the notes, without taking the focus or folding what was opened.
  swap(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    for (const piece of holder.content.querySelectorAll("[hx-swap-oob]")) {
      const old = document.getElementById(piece.id);
      if (!old || isBeingTyped(piece)) continue;
      piece.removeAttribute("hx-swap-oob");
      const link = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      const open = old.querySelector("details")?.open;
      const scrolled = [old.scrollTop, old.firstElementChild?.scrollLeft];
      old.replaceWith(piece);
      piece.scrollTop = scrolled[0];
      if (scrolled[1]) piece.firstElementChild.scrollLeft = scrolled[1];
      const fold = piece.querySelector("details");
      if (fold && open !== undefined) fold.open = open;
      if (link) piece.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
    }
  },

  // --- who else is here ---
  async look() {
    const answer = await this.ask(sheet.dataset.here);
    if (answer.state === "expired") this.expired();
    if (answer.state) return;
    if (answer.person !== sheet.dataset.person) {
      this.show("refused", `Not saved. ${answer.person} is signed in now. Your text is kept in this browser for you.`);
      return;
    }
    for (const field of document.querySelectorAll("[name='csrfmiddlewaretoken']")) field.value = answer.token;
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": answer.token }));
    const place = document.getElementById("presence");
    if (place.innerHTML.trim() !== answer.others.trim()) place.innerHTML = answer.others;
    if (!answer.etag) this.show("closed", "This draft is not open for writing now: it is in review, or approved.");
    else if (["expired", "offline", "failed", "closed"].includes(sheet.dataset.state)) this.schedule(0);
    else if (answer.etag !== sheet.dataset.etag && !unsaved.is) this.save();
  },
};

const named = (name) => {
  const found = sheet.elements[name];
  return found instanceof RadioNodeList ? found[0] : found;
};

// A note that something cannot be kept waits until its field is left: half a value is no mistake.
function isBeingTyped(piece) {
  const id = document.activeElement?.id;
  return id && piece.id === `${id}-notes` && piece.querySelector(".is-problem") && autosave.isIdle;
}

// What somebody else changed is gently marked until one goes there.
function mark(control) {
  const field = control?.closest(".field");
  if (!field) return;
  field.classList.add("is-brought");
  for (let at = field; at; at = at.parentElement) if (at.tagName === "DETAILS") at.classList.add("has-brought");
}

if (sheet) {
  autosave.savedAt = Date.now() - Number(sheet.dataset.savedSecondsAgo) * 1000;
  autosave.tick();
  setInterval(() => autosave.tick(), 1000);

  // A link leads on once what is typed is saved; what cannot be saved is asked about.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[href]");
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || link.target || link.origin !== location.origin || !unsaved.is) return;
    if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
    event.preventDefault();
    await autosave.save();
    location.assign(link.href);
  });

  // Save, and on to the next section; a clash, which needs a choice, has a page of its own.
  sheet.addEventListener("submit", async (event) => {
    if (sheet.dataset.state === "clash") {
      unsaved.keep();
      unsaved.leaving = true;
      return;
    }
    event.preventDefault();
    const goesOn = event.submitter?.name === "next";
    const isSaved = await autosave.save();
    if (isSaved && goesOn) location.assign(sheet.dataset.next);
    else if (sheet.dataset.state === "clash") sheet.requestSubmit();
    else if (sheet.dataset.state === "problems") autosave.showProblem();
  });

  document.addEventListener("visibilitychange", () => document.hidden || autosave.look());
  window.addEventListener("online", () => unsaved.is && autosave.failures && autosave.schedule(0));
  window.addEventListener("focus", () => autosave.failures && autosave.look());
  setInterval(() => document.hidden || autosave.look(), autosave.LOOK);
}

if (sheet?.dataset.savesTo) {
  sheet.addEventListener("input", (event) => {
    if (!event.target.name?.startsWith("pasted")) autosave.edited(event.target.matches("textarea.is-code") ? autosave.CODE : autosave.IDLE);
  });
  sheet.addEventListener("change", (event) => {
    if (!event.target.name?.startsWith("pasted")) autosave.edited(autosave.LEFT);
  });
  sheet.addEventListener("focusin", (event) => event.target.closest(".is-brought")?.classList.remove("is-brought"));

  // Rows added, moved or deleted. What was typed in the list meanwhile must not be swapped away: then once more.
  sheet.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, target, elt } = event.detail;
    const sent = requestConfig.formData;
    if (!sent?.has("act") || event.detail.xhr.status !== 200) return;
    const controls = [...target.querySelectorAll("input[type='text'], textarea, select")];
    if (controls.every((each) => !sent.has(each.name) || same(sent.get(each.name), each.value))) return;
    event.detail.shouldSwap = false;
    const values = { act: sent.get("act") };
    if (sent.has("pasted")) values.pasted = sent.get("pasted");
    htmx.ajax("POST", "", { source: elt, values });
  });
  const same = (one, other) => String(one).replace(/\r\n/g, "\n") === other.replace(/\r\n/g, "\n");
  sheet.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.requestConfig?.formData?.has("act")) return;
    if (event.detail.successful) autosave.edited(autosave.LEFT);
    else if (event.detail.xhr.status === 401) autosave.expired();
    else autosave.show("refused", "Nothing was changed: the registry cannot be reached.");
  });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden && unsaved.is) autosave.save();
  });
  if (unsaved.is) autosave.schedule(1000);
}
