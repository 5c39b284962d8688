"use strict";
const resources = [...document.querySelectorAll("details.resource")];
const texts = new Map(resources.map((each) => [each, each.textContent.toLowerCase()]));
const search = document.getElementById("search");
const count = document.getElementById("count");

function chosen(name) {
  const boxes = document.querySelectorAll(`input[name=${name}]:checked`);
  return new Set([...boxes].map((box) => box.value));
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const actions = chosen("action");
  const risks = chosen("risk");
  let visible = 0;
  for (const each of resources) {
    const fits = actions.has(each.dataset.action) && risks.has(each.dataset.risk)
      && words.every((word) => texts.get(each).includes(word));
    each.hidden = !fits;
    visible += fits;
  }
  for (const group of document.querySelectorAll("section.group")) {
    group.hidden = !group.querySelector("details.resource:not([hidden])");
  }
  count.value = `${visible} of ${resources.length} resources`;
  document.getElementById("none").hidden = visible > 0 || resources.length === 0;
}

function clear() {
  search.value = "";
  for (const box of document.querySelectorAll(".bar input[type=checkbox]")) box.checked = true;
  filter();
}

function openAll(open) {
  for (const each of resources) each.open = open;
}

function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.hidden) {
    clear();
    count.value += ", filters cleared";
  }
  if (target instanceof HTMLDetailsElement) target.open = true;
  (target.querySelector("summary") ?? target).focus();
  target.scrollIntoView();
}

// Paper cannot be unfolded: changes are printed, and folded again afterwards.
let folded = [];
function unfold() {
  folded = resources.filter((each) => !each.open);
  for (const each of folded) each.open = true;
}

function fold() {
  for (const each of folded) each.open = false;
}

function room() {
  const bar = document.querySelector(".bar");
  const sticks = getComputedStyle(bar).position === "sticky";
  document.documentElement.style.scrollPaddingTop = sticks ? `${bar.offsetHeight + 8}px` : "0";
}

// A handful is seen at once, and needs no search.
document.querySelector(".bar").hidden = resources.length <= 5;
document.querySelector(".bar").addEventListener("input", filter);
document.getElementById("open").addEventListener("click", () => openAll(true));
document.getElementById("close").addEventListener("click", () => openAll(false));
document.getElementById("clear").addEventListener("click", clear);
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
});
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
  });
}
addEventListener("hashchange", follow);
addEventListener("beforeprint", unfold);
addEventListener("afterprint", fold);
addEventListener("resize", room);
filter();
room();
addEventListener("load", follow);
