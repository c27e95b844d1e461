// The lines of a run: words found by keyboard, ranges of lines, a map of what went wrong, what is copied.
"use strict";

// Finding: the server knows where the words are, the browser marks them in the rows that are there.

const form = $("#find");
const field = $("input[name=q]", form);
const found = $("#found");
const marks = window.Highlight && new Highlight();
if (marks) CSS.highlights.set("found", marks);

const search = { words: "", matches: [], place: -1, next: null, matching: 0, more: false };

const wordsOf = (text) => [...text.matchAll(/"([^"]+)"|(\S+)/g)].map((each) => (each[1] ?? each[2].replaceAll('"', "")).toLowerCase()).filter(Boolean);

async function askMatches(after) {
  const address = new URL(form.dataset.matches, location.href);
  for (const [name, value] of new FormData(form)) if (value) address.searchParams.set(name, value);
  if (after) address.searchParams.set("after", after);
  const response = await fetch(address, { signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`${response.status}`);
  const page = await response.json();
  search.matches.push(...page.items);
  search.next = page.next;
  if (!after) [search.matching, search.more] = [page.matching, page.at_least];
}

function tellFound() {
  const number = (value) => value.toLocaleString("en");
  const of = `${number(Math.max(search.matching, search.matches.length))}${search.more ? "+" : ""}`;
  found.textContent = !search.words ? "" : search.matches.length ? `${number(search.place + 1)} of ${of}` : search.next ? "none yet" : "none";
  for (const button of all("#previous, #next")) button.hidden = !search.matches.length;
}

/** The first match that is not above what one reads. */
function nearest() {
  const top = scroller().getBoundingClientRect().top;
  const row = rows().find((each) => each.getBoundingClientRect().bottom > Math.max(top, 0) + 30);
  const seen = row && timeOf(row);
  const shown = new Map(rows().map((each) => [Number(each.id.slice(1)), timeOf(each)]));
  const place = search.matches.findIndex((match) => shown.get(match.seq) >= seen);
  return place < 0 ? 0 : place;
}

let going = Promise.resolve(); // one step after the other, however quickly the keys come

function go(step) {
  going = going.then(() => goNow(step));
}

async function goNow(step) {
  const words = field.value.trim();
  if (!words) return clear();
  found.textContent = "…";
  try {
    if (words !== search.words) {
      Object.assign(search, { words, matches: [], place: -1, next: null });
      await askMatches(null);
      while (!search.matches.length && search.next) await askMatches(search.next);
      search.place = search.matches.length ? nearest() : -1;
    } else if (search.matches.length) {
      if (step > 0 && search.place + 1 >= search.matches.length && search.next) await askMatches(search.next);
      search.place = (search.place + step + search.matches.length) % search.matches.length;
    }
    const match = search.matches[search.place];
    if (match) show(await rowOf(match.key, match.seq));
    mark();
    tellFound();
  } catch (error) {
    console.error(error);
    found.textContent = "that did not work";
  }
}

function show(row) {
  all(".here").forEach((each) => each.classList.remove("here"));
  if (!row) return;
  row.classList.add("here");
  const rest = $(".rest", row);
  if (rest && !wordsOf(search.words).every((word) => $(".text", row).textContent.toLowerCase().includes(word))) rest.open = true;
  row.scrollIntoView({ block: "center" });
}

function clear() {
  Object.assign(search, { words: "", matches: [], place: -1, next: null });
  show(null);
  mark();
  tellFound();
}

/** Marks the words in all rows that are there. */
function mark() {
  marks?.clear();
  markIn([sheet]);
}

function markIn(places) {
  const words = wordsOf(search.words);
  if (!marks || !words.length) return;
  for (const element of places.flatMap((place) => all(".text", place))) {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) markText(texts.currentNode, words);
  }
}

function markText(node, words) {
  const text = node.data.toLowerCase();
  for (const word of words) {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
      marks.add(new StaticRange({ startContainer: node, startOffset: at, endContainer: node, endOffset: at + word.length }));
    }
  }
}

document.addEventListener("lines", (event) => (event.detail ? markIn(event.detail) : mark()));
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    go(event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    field.value = "";
    clear();
    sheet.focus({ preventScroll: true });
  }
});
$("#next").addEventListener("click", () => go(1));
$("#previous").addEventListener("click", () => go(-1));
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  event.preventDefault();
  field.select();
});

// Ranges: #L5-L20. A click on a number chooses a line, another with Shift the lines up to there.

let chosen = null;

function choose(first, last) {
  all(".chosen").forEach((row) => row.classList.remove("chosen"));
  const shown = rows();
  const [from, to] = [first, last].map((id) => shown.findIndex((row) => row.id === id)).sort((a, b) => a - b);
  if (from < 0) return null;
  shown.slice(from, to + 1).forEach((row) => row.classList.add("chosen"));
  return shown[from];
}

function chooseByHash() {
  const [, first, last] = /^#(L\d+)(?:-(L\d+))?$/.exec(location.hash) ?? [];
  if (!first) return;
  chosen = first;
  choose(first, last ?? first)?.scrollIntoView({ block: "center" });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest(".line-rows .l-seq a");
  if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = link.closest("tr");
  event.preventDefault();
  const first = event.shiftKey && chosen && document.getElementById(chosen) ? chosen : row.id;
  const top = choose(first, row.id);
  if (!event.shiftKey) chosen = row.id;
  const [from, to] = top.id === first ? [first, row.id] : [row.id, first];
  const address = new URL($(".l-seq a", top).href);
  address.hash = from === to ? from : `${from}-${to}`;
  history.replaceState(null, "", address);
});
addEventListener("hashchange", chooseByHash);
chooseByHash();

// The map of warnings and errors

$(".map")?.addEventListener("click", async (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(await rowOf(link.dataset.at, link.dataset.line));
});

// Copying: the numbers and times cannot be selected, so that the messages alone are copied, unless they are asked for.

document.addEventListener("copy", (event) => {
  if (!$("#copy-times").checked) return;
  const selection = getSelection();
  const taken = rows().filter((row) => selection.containsNode(row, true));
  if (!taken.length) return;
  const text = taken.map((row) => [$("time", row).dateTime, $(".l-level", row).textContent, $(".message", row).innerText].join(" "));
  event.clipboardData.setData("text/plain", `${text.join("\n")}\n`);
  event.preventDefault();
});

// Wrapping, and groups that open

$("#wrap").addEventListener("click", (event) => {
  event.preventDefault();
  const off = sheet.classList.toggle("unwrapped");
  event.target.textContent = off ? "Wrap long lines" : "Do not wrap long lines";
});

$("#groups")?.addEventListener("toggle", async (event) => {
  const task = event.target;
  if (!task.open || !task.dataset.lines || $("table", task)) return;
  const table = document.createElement("table");
  table.className = "lines";
  task.append(table);
  const bodies = all(".line-rows", await fetchFragment(new URL(task.dataset.lines, location.href)));
  bodies.forEach(prepare);
  table.append(...bodies);
}, true);
