// The list of runs: rows that are there follow their runs, new ones are counted and come when asked for, keys move in the
// rows, and who comes back finds the place where they were. Without this script all of it is links.
"use strict";

const EVERY = 2_000; // milliseconds while a run of the page goes on
const IDLE = 5_000; // and while none does: there may be new ones

const list = $("#list");
const box = $("#query");
const rowLinks = () => all("#runs > tr .r-run > a:first-child");

// What changes

class LiveList {
  constructor(root) {
    this.root = root;
    this.state = $("#state");
    all("#runs > tr").forEach((row) => sources.set(row, row.outerHTML));
    document.addEventListener("visibilitychange", () => document.hidden || this.poll());
    this.later();
  }

  get open() {
    return all("#runs > tr[data-open]").map((row) => row.dataset.open);
  }

  later(delay) {
    clearTimeout(this.timer);
    const going = this.open.length > 0;
    if (!going && !this.root.dataset.newest) return;
    this.timer = setTimeout(() => this.poll(), delay ?? (going ? EVERY : IDLE));
  }

  async poll() {
    if (this.busy || document.hidden) return;
    this.busy = true;
    let delay;
    try {
      const address = new URL(this.root.dataset.liveList, location.href);
      if (this.root.dataset.newest) address.searchParams.set("newest", this.root.dataset.newest);
      if (this.open.length) address.searchParams.set("open", this.open.join(","));
      this.apply(await fetchFragment(address));
      this.tell(this.open.length ? "Live" : "", this.open.length ? "live" : "");
    } catch {
      this.tell("No answer; trying again", "broken");
      delay = IDLE;
    } finally {
      this.busy = false;
    }
    this.later(delay);
  }

  apply(fragment) {
    for (const row of all("#runs > tr", fragment)) {
      const old = document.getElementById(row.id);
      const source = row.outerHTML;
      if (!old || sources.get(old) === source) continue;
      sources.set(row, source);
      row.className = old.className;
      exchange(old, row);
      prepare(row);
      for (const column of row.dataset.has.split(" ").filter(Boolean)) row.closest("table").classList.remove(`no-${column}`);
    }
    const number = $("#new", fragment)?.dataset.number || "";
    if (number && !$("#runs")) location.reload(); // the first that was waited for
    const pill = $("#new-runs");
    pill.hidden = !number;
    if (number && pill.textContent !== `${number} new`) pill.textContent = `${number} new`;
  }

  tell(words, kind) {
    if (this.state.textContent !== words) this.state.textContent = words;
    this.state.className = `state ${kind}`;
  }
}

if (list) new LiveList(list);

// Keys: / to ask, j and k or the arrows from row to row, Enter opens; Escape leaves the box

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape" && event.target === box) {
    rowLinks()[0]?.focus();
  } else if (event.key === "ArrowDown" && event.target === box) {
    event.preventDefault();
    rowLinks()[0]?.focus();
  } else if (!typing) {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const links = rowLinks();
    const place = links.indexOf(document.activeElement?.closest?.("#runs > tr")?.querySelector(".r-run > a"));
    if (!step || !links.length || (place < 0 && event.key.startsWith("Arrow"))) return; // arrows scroll, as ever
    event.preventDefault();
    const next = links[Math.min(links.length - 1, Math.max(0, place + step))];
    next.focus();
    next.closest("tr").scrollIntoView({ block: "nearest" });
  }
});

// Back to where one was

const PLACE = "otel_joblog list";

addEventListener("pagehide", () => {
  const top = rowLinks().find((link) => link.getBoundingClientRect().bottom > 0);
  const focused = document.activeElement?.closest?.("#runs > tr");
  const row = focused || top?.closest("tr");
  const place = row && { id: row.id, top: row.getBoundingClientRect().top, focused: Boolean(focused) };
  sessionStorage.setItem(PLACE, JSON.stringify({ search: location.search, place: place || null }));
});

addEventListener("pageshow", () => {
  const known = JSON.parse(sessionStorage.getItem(PLACE) || "null");
  const back = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  const asked = sessionStorage.getItem(`${PLACE}: back`);
  sessionStorage.removeItem(`${PLACE}: back`);
  const row = known?.search === location.search && (back || asked) && known.place && document.getElementById(known.place.id);
  if (!row) return;
  scrollBy(0, row.getBoundingClientRect().top - known.place.top);
  if (known.place.focused) $(".r-run > a", row)?.focus({ preventScroll: true });
});
