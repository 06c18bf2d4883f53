// Find a customer: facets follow what is found, and arrows lead from the field into it.
(() => {
  "use strict";
  let counted = null;
  document.addEventListener("htmx:afterSwap", (event) => {
    const results = document.getElementById("results"), facets = document.getElementById("facets");
    if (event.detail.target === facets) {
      const shown = document.getElementById("found-count"), count = facets.querySelector("[data-count]");
      if (shown && count) shown.textContent = count.dataset.count;
      return;
    }
    if (event.detail.target !== results) return;
    const place = results.querySelector("[data-facets]")?.dataset.facets;
    if (!place) return void (facets.replaceChildren(), (counted = null));
    const shown = document.getElementById("found-count"), count = facets.querySelector("[data-count]");
    if (place === counted && shown && count) shown.textContent = count.dataset.count;
    if (place !== counted) htmx.ajax("GET", place, { source: facets, target: facets, swap: "innerHTML" });
    counted = place;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const tiles = [...document.querySelectorAll(".tile a")], field = document.getElementById("q");
    const here = tiles.indexOf(document.activeElement);
    if (document.activeElement !== field && here < 0) return;
    const next = here + (event.key === "ArrowDown" ? 1 : -1);
    if (next < 0 && here < 0) return;
    event.preventDefault();
    (next < 0 ? field : tiles[next])?.focus();
  });
})();
