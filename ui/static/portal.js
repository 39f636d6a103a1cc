// Offers titles while somebody types and tidies up after htmx; every page is complete without this script.
"use strict";

const DELAY = 180;

function offer(input) {
  const list = document.createElement("datalist");
  list.id = "suggestions";
  let timer = 0;
  let asked = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    asked?.abort();
    const text = input.value.trim();
    if (text.length < 2) return;
    // Whatever htmx has put in the place of the page's contents knows of no list.
    if (!list.isConnected) input.after(list);
    input.setAttribute("list", list.id);
    timer = setTimeout(async () => {
      asked = new AbortController();
      try {
        const answer = await fetch(`/suggest?q=${encodeURIComponent(text)}`, { signal: asked.signal });
        if (!answer.ok) return;
        const { suggestions } = await answer.json();
        list.replaceChildren(...suggestions.map(({ title }) => new Option("", title)));
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    }, DELAY);
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

// A chip that was removed takes the focus with it; whoever walks by keys goes on at the results.
document.addEventListener("htmx:after:swap", () => {
  closeMenus(null);
  if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
});

// What htmx could not fetch the browser asks for itself, and says why it fails.
document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx?.request.action) location.assign(detail.ctx.request.action);
});
