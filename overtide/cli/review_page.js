"use strict";
const pairs = [...document.querySelectorAll("fieldset.pair")];
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const decision = (pair) => pair.querySelector("input:checked").value;
const line = (pair) => {
  const { entity1, key1, entity2, key2 } = pair.dataset;
  return [decision(pair), entity1, key1, entity2, key2].map(quoted).join(",");
};
function written() {
  const decided = pairs.filter(decision);
  document.getElementById("count").textContent =
    `${decided.length} of ${pairs.length} pairs are decided.`;
  const lines = ["Decision,Entity1,Entity1Key,Entity2,Entity2Key", ...decided.map(line)];
  document.getElementById("csv").value = lines.join("\n") + "\n";
}
let here = -1;
function go(place) {
  if (!pairs.length) return;
  pairs[here]?.classList.remove("here");
  here = Math.max(0, Math.min(pairs.length - 1, place));
  pairs[here].classList.add("here");
  pairs[here].querySelector("input:checked").focus({ preventScroll: true });
  pairs[here].scrollIntoView({ block: "center" });
}
const KEYS = { a: "always", n: "never", u: "" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.id === "csv") return;
  if (event.key === "j" || event.key === "k") go(here + (event.key === "j" ? 1 : -1));
  if (here >= 0 && event.key in KEYS) {
    const wanted = KEYS[event.key];
    const choice = [...pairs[here].querySelectorAll("input")].find((one) => one.value === wanted);
    choice.checked = true;
    choice.focus({ preventScroll: true });
    written();
  }
});
document.addEventListener("change", written);
document.addEventListener("focusin", (event) => {
  const pair = event.target.closest("fieldset.pair");
  if (!pair) return;
  pairs[here]?.classList.remove("here");
  here = pairs.indexOf(pair);
  pair.classList.add("here");
});
document.getElementById("download").addEventListener("click", () => {
  const file = new Blob([document.getElementById("csv").value], { type: "text/csv" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = "decisions.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});
document.getElementById("copy").addEventListener("click", () => {
  const area = document.getElementById("csv");
  area.select();
  if (navigator.clipboard) navigator.clipboard.writeText(area.value);
  else document.execCommand("copy");
});
written();
