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
}

function openAll(open) {
  for (const each of resources) each.open = open;
}

function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.querySelector("summary").focus();
  }
}

document.querySelector(".bar").hidden = false;
document.querySelector(".bar").addEventListener("input", filter);
document.getElementById("open").addEventListener("click", () => openAll(true));
document.getElementById("close").addEventListener("click", () => openAll(false));
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
});
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => openAll(true));
filter();
follow();
