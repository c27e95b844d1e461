// What the pages cannot do by themselves: local times and live updates. All of it is optional: without this script
// everything is still reached by links. Markup comes from the server alone, escaped there.
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Times

const two = (number) => String(number).padStart(2, "0");
const inUtc = () => localStorage.getItem("otel_joblog zone") === "UTC";
const here = (time) => (inUtc() ? time : new Date(time - time.getTimezoneOffset() * 60_000)); // whose UTC is what is shown
const day = (time) => here(time).toISOString().slice(0, 10);
const clock = (time) => here(time).toISOString().slice(11, 19);
const zone = (time) => {
  if (inUtc()) return "UTC";
  const minutes = -time.getTimezoneOffset();
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
};

function ago(time) {
  const seconds = (Date.now() - time) / 1000;
  const far = Math.abs(seconds);
  if (far < 5) return "just now";
  const [length, unit] = far < 60 ? [1, "s"] : far < 3600 ? [60, "min"] : far < 172800 ? [3600, "h"] : [86400, "d"];
  const words = `${Math.floor(far / length)} ${unit}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

function prepare(root) {
  const started = $("#facts time");
  const firstDay = started && day(new Date(started.dateTime));
  for (const element of all("time[data-as]", root)) {
    const time = new Date(element.dateTime);
    if (element.dataset.as === "ago") {
      element.textContent = ago(time);
      if (element.dataset.exact !== undefined) element.title = `${day(time)} ${clock(time)} ${zone(time)}`;
    }
    if (element.dataset.as === "full") {
      element.textContent = `${day(time)} ${clock(time)}`;
      element.title = `${element.dateTime} (shown in ${zone(time)})`;
    }
    if (element.dataset.as === "clock") {
      const date = firstDay && day(time) !== firstDay ? `${day(time)} ` : "";
      element.textContent = `${date}${clock(time)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
      element.title = element.dateTime;
      if (date) element.closest("tr").classList.add("dated");
    }
  }
  for (const button of all(".copy", root)) button.hidden = !navigator.clipboard;
}

// Patching: children are compared by id with what the server sent last; only what differs is put in.

const sources = new WeakMap();

function remember(container) {
  for (const child of container.children) sources.set(child, child.outerHTML);
}

function patch(container, fresh) {
  const known = new Map([...container.children].map((child) => [child.id, child]));
  let place = container.firstElementChild;
  for (const child of [...fresh.children]) {
    const old = known.get(child.id);
    const source = child.outerHTML;
    known.delete(child.id);
    let node = child;
    if (old && sources.get(old) === source) {
      node = old;
    } else {
      sources.set(child, source);
      if (old) {
        if (place === old) place = child;
        exchange(old, child);
      }
    }
    if (node === place) place = place.nextElementSibling;
    else container.insertBefore(node, place);
    if (node === child) prepare(child);
  }
  for (const old of known.values()) old.remove();
}

function exchange(old, child) {
  const inner = all("[data-patch]", child).find((part) => $(`#${part.id}`, old));
  const kept = inner && $(`#${inner.id}`, old);
  const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  if (kept) {
    patch(kept, inner);
    inner.replaceWith(kept);
  }
  old.replaceWith(child);
  if (focused) all("a", child).find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
}

// Fragments

async function fetchFragment(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`${response.status}`);
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  return template.content;
}

// Live

class Live {
  constructor(root) {
    this.root = root;
    this.state = $("#state");
    this.busy = false;
    all("[data-patch]", root).forEach(remember);
    document.addEventListener("visibilitychange", () => document.hidden || this.poll());
    this.later();
  }

  get open() {
    return $("[data-open]", this.root) !== null;
  }

  /** Milliseconds from one poll to the next; none where nothing will change. */
  get pause() {
    return Number(this.open ? this.root.dataset.every : this.root.dataset.idle) || 0;
  }

  later(delay = 0) {
    clearTimeout(this.timer);
    const open = this.open;
    if (!this.state.classList.contains("broken")) this.tell(open ? "Live" : "", open ? "live" : "");
    if (this.pause) this.timer = setTimeout(() => this.poll(), delay || this.pause);
  }

  tell(words, kind) {
    if (this.state.textContent !== words) this.state.textContent = words;
    this.state.className = `state ${kind}`;
  }

  async poll() {
    if (this.busy || document.hidden || !this.pause) return;
    this.busy = true;
    const began = performance.now();
    let delay;
    try {
      const more = this.apply(await fetchFragment(this.address()));
      this.tell("", "");
      delay = more ? 1 : Math.max(this.pause, 3 * (performance.now() - began));
    } catch {
      this.tell("No answer; trying again", "broken");
      delay = 5_000;
    } finally {
      this.busy = false;
    }
    this.later(delay);
  }

  address() {
    return new URL(this.root.dataset.live, location.href);
  }

  /** Puts the fragment into the page; true where the server has more lines at once. */
  apply(fragment) {
    for (const part of all("[data-patch]", fragment).filter((part) => !part.parentElement?.closest("[data-patch]"))) {
      const container = document.getElementById(part.id);
      if (part.id === "runs" && !container !== !part.children.length) location.reload(); // the first run, or none left
      if (!container) continue;
      if (part.dataset.state !== undefined) container.dataset.state = part.dataset.state;
      if (part.dataset.title) document.title = part.dataset.title.trim();
      patch(container, part);
    }
    return false;
  }
}

// Start

const switchZone = $("#zone");
if (switchZone) {
  const press = () => switchZone.setAttribute("aria-pressed", String(inUtc()));
  switchZone.hidden = false;
  switchZone.title = "Show times in UTC instead of this browser's zone";
  switchZone.addEventListener("click", () => {
    localStorage.setItem("otel_joblog zone", inUtc() ? "" : "UTC");
    press();
    prepare(document);
  });
  press();
}

const live = $("[data-live]");
if (live) new Live(live);
prepare(document);
setInterval(() => all('time[data-as="ago"]').forEach((element) => { element.textContent = ago(new Date(element.dateTime)); }), 15_000);

// Back to the list as it was, with what was asked and the place in it: runs.js keeps both.
document.addEventListener("click", (event) => {
  const back = event.target.closest("a[data-back]");
  if (!back) return;
  back.search = JSON.parse(sessionStorage.getItem("otel_joblog list") || "{}").search || "";
  sessionStorage.setItem("otel_joblog list: back", "1");
});

document.addEventListener("click", (event) => {
  const button = event.target.closest(".copy");
  if (button) {
    navigator.clipboard.writeText(button.dataset.copy).then(() => { button.textContent = "Copied"; }, () => {});
  }
});
