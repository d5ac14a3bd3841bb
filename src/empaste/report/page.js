"use strict";
// Without this script the page shows everything; with it pictures can be filtered and enlarged.

const filter = document.getElementById("filter");
const judged = [...document.querySelectorAll("[data-classes]")];

function passes(element, wanted) {
  const { classes, right, confidence } = element.dataset;
  if (wanted.classes && !JSON.parse(classes).includes(wanted.classes)) return false;
  if (wanted.right && right && right !== wanted.right) return false;
  return confidence === undefined || Number(confidence) >= wanted.confidence;
}

function applyFilter() {
  const { classes, right, confidence, least, count } = filter.elements;
  const wanted = { classes: classes.value, right: right.value, confidence: Number(confidence.value) };
  for (const element of judged) element.hidden = !passes(element, wanted);
  least.value = wanted.confidence.toFixed(2);
  count.value = `${judged.filter((element) => !element.hidden).length} of ${judged.length} shown`;
}

if (filter) {
  filter.hidden = false;
  filter.addEventListener("input", applyFilter);
  filter.addEventListener("reset", () => setTimeout(applyFilter));
  filter.addEventListener("submit", (event) => event.preventDefault());
  applyFilter();
}

const large = document.getElementById("large");
let place = 0;

function shownPictures() {
  return [...document.querySelectorAll(".panel button img")].filter((image) => image.closest("[hidden]") === null);
}

function enlarge(number) {
  const pictures = shownPictures();
  place = (number + pictures.length) % pictures.length;
  const [image, text] = [large.querySelector("img"), large.querySelector("p")];
  image.src = pictures[place].src;
  image.alt = text.textContent = pictures[place].alt;
  if (!large.open) large.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".panel button");
  if (button) enlarge(shownPictures().indexOf(button.querySelector("img")));
  else if (event.target === large) large.close();
});
large.addEventListener("click", (event) => {
  const steps = { back: -1, next: 1 };
  if (event.target.value === "close") large.close();
  else if (event.target.value in steps) enlarge(place + steps[event.target.value]);
});
large.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (event.key in steps) enlarge(place + steps[event.key]);
});
