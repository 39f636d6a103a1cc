// Offers suggestions while somebody types, keeps what is ticked, and tidies up after htmx; every page is complete without this script.
"use strict";

const DELAY = 180;

function element(name, attributes, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// A combobox as WAI-ARIA describes it: the focus stays in the field, arrows walk the list, Enter follows what is chosen.
function offer(input) {
  const list = element("ul", { id: "suggestions", class: "suggestions", role: "listbox", "aria-label": "Suggestions" });
  const said = element("span", { class: "hidden", role: "status" });
  list.hidden = true;
  let timer = 0;
  let asked = null;
  let chosen = -1;

  const choose = (number) => {
    chosen = number;
    [...list.children].forEach((each, at) => each.setAttribute("aria-selected", String(at === number)));
    const option = list.children[number];
    if (!option) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    clearTimeout(timer);
    asked?.abort();
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    choose(-1);
  };
  const follow = (option) => location.assign(option.dataset.url);
  const show = (found) => {
    const options = found.map(({ title, note, url }, at) => {
      const option = element("li", { id: `suggestion-${at}`, role: "option", "data-url": url });
      option.append(element("span", { class: "what" }, title), element("span", { class: "note" }, note));
      return option;
    });
    list.replaceChildren(...options);
    said.textContent = found.length ? `${found.length} ${found.length === 1 ? "suggestion" : "suggestions"}` : "";
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    choose(-1);
  };
  const ask = async (text) => {
    asked = new AbortController();
    try {
      const answer = await fetch(`/suggest?q=${encodeURIComponent(text)}`, { signal: asked.signal });
      if (answer.ok) show((await answer.json()).suggestions);
    } catch (error) {
      // A server that is away for a moment is no reason to complain while somebody types.
      if (error.name !== "AbortError") close();
    }
  };

  const roles = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
  for (const [key, value] of Object.entries(roles)) input.setAttribute(key, value);
  input.addEventListener("input", () => {
    clearTimeout(timer);
    asked?.abort();
    const text = input.value.trim();
    if (text.length < 2) return close();
    // Whatever htmx has put in the place of the page's contents knows of no list.
    if (!list.isConnected) input.parentElement.append(list, said);
    timer = setTimeout(() => ask(text), DELAY);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const many = list.children.length;
    if (event.key === "ArrowDown") choose(chosen + 1 < many ? chosen + 1 : -1);
    else if (event.key === "ArrowUp") choose(chosen > -1 ? chosen - 1 : many - 1);
    else if (event.key === "Enter" && chosen > -1) follow(list.children[chosen]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", close);
  // A press would take the focus away, and the list with it, before it is a click.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (option) follow(option);
  });
}

const box = document.getElementById("q");
if (box) offer(box);

// Escape and a click elsewhere close the menu, as menus do.
const closeMenus = (except) =>
  document.querySelectorAll("details.menu[open]").forEach((menu) => menu.contains(except) || (menu.open = false));
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus(null);
});

// Ticked records stay ticked from page to page, for as long as the tab is open; the form sends those of other pages too.
const TICKED = "discovery-ticked";
const MOST_TICKED = 100;
const MOST_COMPARED = 4;
// Where a browser keeps nothing, what is ticked holds for this page.
let tickedHere = [];

function ticked() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(TICKED) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return tickedHere;
  }
}

function keepTicked(ids) {
  tickedHere = ids;
  try {
    sessionStorage.setItem(TICKED, JSON.stringify(ids));
  } catch {
    // It is kept above.
  }
}

function showTicked(note = "") {
  const ids = ticked();
  const boxes = [...document.querySelectorAll("input[data-tick]")];
  boxes.forEach((box) => (box.checked = ids.includes(box.value)));
  document.querySelectorAll(".ticking").forEach((each) => (each.hidden = false));
  for (const link of document.querySelectorAll("a[data-with-ticked]")) {
    const own = link.dataset.withTicked;
    const others = ids.filter((id) => id !== own).slice(-MOST_COMPARED + 1);
    link.search = new URLSearchParams([own, ...others].map((id) => ["id", id]));
  }
  const bar = document.querySelector(".picking");
  if (!bar) return;
  const elsewhere = ids.filter((id) => !boxes.some((box) => box.value === id));
  let hidden = bar.querySelector(".elsewhere");
  if (!hidden) bar.append((hidden = element("span", { class: "elsewhere", hidden: "" })));
  hidden.replaceChildren(...elsewhere.map((id) => element("input", { type: "hidden", name: "id", value: id })));
  const others = elsewhere.length ? `, ${elsewhere.length} of them on other pages` : "";
  const said = bar.querySelector(".said");
  said.dataset.before ??= said.textContent;
  said.textContent = note || (ids.length ? `${ids.length} ticked${others}` : said.dataset.before);
  bar.querySelector(".untick").hidden = !ids.length;
  bar.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = !ids.length));
}

document.addEventListener("change", ({ target }) => {
  if (!target.matches?.("input[data-tick]")) return;
  const rest = ticked().filter((id) => id !== target.value);
  if (target.checked && rest.length >= MOST_TICKED) {
    return showTicked(`${MOST_TICKED} are ticked, and no more can be: take all that match instead`);
  }
  keepTicked(target.checked ? [...rest, target.value] : rest);
  showTicked();
});
document.addEventListener("click", ({ target }) => {
  if (!target.closest?.(".untick")) return;
  keepTicked([]);
  showTicked();
  document.querySelector("input[data-tick]")?.focus();
});
// Going back shows the page as it was left, before other pages were ticked.
addEventListener("pageshow", () => showTicked());

// A chip that was removed takes the focus with it; whoever walks by keys goes on at the results.
document.addEventListener("htmx:after:swap", () => {
  closeMenus(null);
  showTicked();
  if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
});

// What htmx could not fetch the browser asks for itself, and says why it fails.
document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx?.request.action) location.assign(detail.ctx.request.action);
});
