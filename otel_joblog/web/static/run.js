// The page of a run: lines are loaded as one scrolls, in both directions, as real rows; new ones come by themselves.
"use strict";

const KEEP_ROWS = 10_000; // rows far from the reader make room beyond these, and are a link away
const OVERLAP = 2_000; // milliseconds: lines of several processes do not arrive in order
const SETTLE = 10; // polls after the end, for lines that are still on their way
const NEAR = 800; // pixels before the end of what is there, at which more is loaded

const sheet = $("#sheet");
const beside = matchMedia("(min-width: 64rem) and (min-height: 36rem)"); // steps and lines side by side
const scroller = () => (beside.matches ? sheet : document.scrollingElement);
const rows = () => all(".line-rows > tr");
const timeOf = (row) => Date.parse($(".l-time time", row).dateTime);
const atEnd = () => scroller().scrollHeight - scroller().scrollTop - scroller().clientHeight < 40;

/** Changes what is there and leaves what one reads where it is. */
function keepingPlace(row, change) {
  const place = row?.getBoundingClientRect().top;
  change();
  if (row?.isConnected) scroller().scrollBy(0, row.getBoundingClientRect().top - place);
}

// Windows

const addressOf = (changes) => {
  const address = new URL(sheet.dataset.lines, location.href);
  for (const [name, value] of Object.entries(changes)) address.searchParams.set(name, value);
  return address;
};

let loading = null;

async function loadMore(link) {
  if (loading) return;
  loading = link;
  const earlier = link.id === "load-earlier";
  const shown = rows();
  const edge = earlier ? shown[0] : shown[shown.length - 1];
  const address = new URL(link.dataset.fragment, location.href);
  if (earlier && edge) address.searchParams.set("before", edge.dataset.key); // lines may have made room since
  link.textContent = "Loading…";
  try {
    const bodies = all("tbody", await fetchFragment(address));
    bodies.forEach(prepare);
    const focused = document.activeElement === link;
    keepingPlace(earlier ? edge : null, () => link.closest("tbody").replaceWith(...bodies));
    if (focused) bodies.flatMap((body) => all(".l-seq a", body)).at(earlier ? -1 : 0)?.focus({ preventScroll: true });
    makeRoom(earlier);
    watchEdges();
    document.dispatchEvent(new CustomEvent("lines", { detail: bodies }));
  } catch (error) {
    console.error(error);
    link.textContent = "That did not work. Try again";
  } finally {
    loading = null;
  }
}

/** Takes rows out at the end that one does not look at, and leaves a link there. */
function makeRoom(atBottom) {
  const bodies = all(".line-rows");
  let count = rows().length;
  const spare = atBottom ? bodies.reverse() : bodies;
  for (const body of spare.slice(0, -1)) {
    if (count - body.rows.length < KEEP_ROWS) break;
    count -= body.rows.length;
    const place = atBottom ? rows()[0] : rows()[rows().length - 1];
    keepingPlace(place, () => {
      body.remove();
      leaveLink(atBottom);
    });
  }
}

function leaveLink(atBottom) {
  const [id, words, name] = atBottom ? ["load-more", "Load more", "after"] : ["load-earlier", "Earlier lines", "before"];
  $(`#${id}`)?.closest("tbody").remove();
  const shown = rows();
  const link = document.createElement("a");
  const key = shown[atBottom ? shown.length - 1 : 0].dataset.key;
  const page = new URL(location.href);
  for (const other of ["after", "before", "tail", "at"]) page.searchParams.delete(other);
  page.searchParams.set(name, key);
  link.id = id;
  link.href = page.href;
  link.dataset.fragment = addressOf({ [name]: key }).href;
  link.textContent = words;
  const body = document.createElement("tbody");
  body.className = "more";
  body.insertRow().insertCell().append(link);
  const bodies = all(".line-rows");
  if (atBottom) bodies[bodies.length - 1].after(body);
  else bodies[0].before(body);
}

/** The row of a line, which is brought in with what is around it where it is not there. */
async function rowOf(key, seq) {
  if (!document.getElementById(`L${seq}`)) await showLines({ at: key });
  return document.getElementById(`L${seq}`);
}

/** Another part of the lines in place of what is there: the first, the last, those around one. */
async function showLines(changes) {
  const fragment = await fetchFragment(addressOf(changes));
  const bodies = all("tbody", fragment);
  bodies.forEach(prepare);
  all("tbody", sheet).forEach((body) => body.remove());
  $("table", sheet).append(...bodies);
  watchEdges();
  document.dispatchEvent(new Event("lines"));
}

const edges = new Map();

function watchEdges() {
  for (const root of [sheet, null]) {
    edges.get(root)?.disconnect();
    const observer = new IntersectionObserver((seen) => {
      if ((root === sheet) !== beside.matches) return;
      const link = seen.find((each) => each.isIntersecting)?.target;
      if (link?.isConnected) loadMore(link);
    }, { root, rootMargin: `${NEAR}px 0px` });
    for (const link of all("#load-more, #load-earlier")) observer.observe(link);
    edges.set(root, observer);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("#load-more, #load-earlier");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    loadMore(link);
  }
});

// The keys End and Home mean the last and the first line of the run, not of what happens to be loaded.
document.addEventListener("keydown", async (event) => {
  if (!["End", "Home"].includes(event.key) || event.altKey || event.shiftKey || event.target.closest("input, select, textarea, .side")) return;
  const last = event.key === "End";
  if (!$(last ? "#load-more" : "#load-earlier")) return;
  event.preventDefault();
  await showLines(last ? { tail: 1 } : {});
  scroller().scrollTo(0, last ? scroller().scrollHeight : 0);
});

// Live

function append(fragment) {
  const bodies = all(".line-rows");
  const last = bodies[bodies.length - 1];
  let added = 0;
  for (const row of all(".line-rows > tr", fragment)) {
    if (document.getElementById(row.id)) continue;
    prepare(row);
    let before = last.lastElementChild;
    while (before && timeOf(before) > timeOf(row)) before = before.previousElementSibling;
    if (before) before.after(row);
    else last.prepend(row);
    added += 1;
  }
  return added;
}

function overlapKey() {
  const shown = rows();
  if (!shown.length) return "";
  const edge = timeOf(shown[shown.length - 1]) - OVERLAP;
  for (let i = shown.length - 1; i >= 0; i -= 1) {
    if (timeOf(shown[i]) <= edge) return shown[i].dataset.key;
  }
  return $(".line-rows[data-first]") ? "" : shown[0].dataset.key;
}

class RunLive extends Live {
  constructor(root) {
    super(root);
    this.settled = 0;
    this.next = "";
    this.unseen = 0;
    this.pill = $("#new");
    this.button = $("#follow");
    if (this.button) this.watchScrolling();
  }

  get open() {
    const state = $("#run").dataset.state;
    return state === "settling" ? !(this.settled >= SETTLE) : state === "open";
  }

  get following() {
    return this.button?.getAttribute("aria-pressed") === "true";
  }

  later(delay = 0) {
    super.later(delay);
    if (!this.open && this.button) this.button.hidden = true;
  }

  address() {
    const address = new URL(this.root.dataset.run, location.href);
    if (!$("#load-more") && !$("#groups")) {
      address.searchParams.set("lines", "1");
      const after = this.next || overlapKey();
      if (after) address.searchParams.set("after", after);
    }
    return address;
  }

  apply(fragment) {
    super.apply(fragment);
    if ($("#run").dataset.state === "settling") this.settled += 1;
    const lines = $("#new-lines", fragment);
    if (!lines) return false;
    this.next = $(".line-rows", lines)?.dataset.next || "";
    const added = append(lines);
    if (added) {
      document.dispatchEvent(new Event("lines"));
      if (this.following) this.keepUp();
      else this.tellNew(this.unseen + added);
    }
    return this.next !== "";
  }

  keepUp() {
    const shown = rows();
    if (shown.length > KEEP_ROWS) {
      shown.slice(0, -KEEP_ROWS).forEach((row) => row.remove());
      leaveLink(false);
      watchEdges();
    }
    scroller().scrollTo(0, scroller().scrollHeight);
  }

  /** So many lines came while one read others. */
  tellNew(count) {
    this.unseen = count && atEnd() ? 0 : count;
    this.pill.hidden = !this.unseen;
    this.pill.textContent = `${this.unseen.toLocaleString("en")} new ↓`;
  }

  follow(on) {
    this.button.setAttribute("aria-pressed", String(on));
    if (!on) return;
    this.keepUp();
    this.tellNew(0);
  }

  watchScrolling() {
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.follow(!this.following));
    this.pill.addEventListener("click", () => this.follow(true));
    const scrolled = () => {
      if (!atEnd()) this.button.setAttribute("aria-pressed", "false");
      else if (this.unseen) this.tellNew(0);
    };
    sheet.addEventListener("scroll", scrolled, { passive: true });
    document.addEventListener("scroll", () => beside.matches || scrolled(), { passive: true });
    if (beside.matches && !location.hash && !$("#load-more")) this.follow(true);
  }
}

new RunLive($("[data-run]"));
watchEdges();
if (beside.matches && !document.activeElement?.closest("input")) sheet.focus({ preventScroll: true }); // for its keys
if (beside.matches && location.hash === "#end") sheet.scrollTo(0, sheet.scrollHeight);
