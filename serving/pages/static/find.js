// Find a customer: facets follow what is found, and arrows lead from the field into it.
(() => {
  "use strict";
  let counted = null;
  // The words that were asked for last, those of what is shown, and whether an arrow waits for more.
  let asked = null, shownWords = null, wanted = false;
  // Where there is little room facets are folded, above what is found.
  if (matchMedia("(max-width: 55.99rem)").matches) document.getElementById("fold").open = false;
  // Facets and counts of other words are marked as such until those of these words come.
  const stale = (are) => {
    const facets = document.getElementById("facets");
    facets.classList.toggle("stale", are);
    facets.setAttribute("aria-busy", are);
  };
  document.addEventListener("htmx:afterSwap", (event) => {
    const results = document.getElementById("results"), facets = document.getElementById("facets");
    if (event.detail.target === facets) {
      stale(false);
      const shown = document.getElementById("found-count"), count = facets.querySelector("[data-count]");
      if (count) document.getElementById("said").textContent = count.dataset.count;
      if (shown && count) shown.textContent = count.dataset.count;
      return;
    }
    if (event.detail.target !== results) return;
    shownWords = asked;
    if (wanted && shownWords === document.getElementById("q").value) {
      wanted = false;
      results.querySelector(".tile a")?.focus();
    }
    const place = results.querySelector("[data-facets]")?.dataset.facets;
    if (!place) return void (facets.replaceChildren(), stale(false), (counted = null));
    const shown = document.getElementById("found-count"), count = facets.querySelector("[data-count]");
    if (place === counted && shown && count) shown.textContent = count.dataset.count;
    if (place !== counted) stale(true);
    if (place !== counted) htmx.ajax("GET", place, { source: facets, target: facets, swap: "innerHTML" }).catch(() => {}); // a later one ended it
    counted = place;
  });
  // Facets may be those of words before the last ones: what is chosen is of the words that are there.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.target?.id === "results") asked = document.getElementById("q").value;
    if (!event.detail.elt.closest("#facets a")) return;
    const place = new URL(event.detail.path, location.href), words = document.getElementById("q").value.trim();
    if (words) place.searchParams.set("q", words);
    else place.searchParams.delete("q");
    event.detail.path = place.pathname + place.search;
  });
  document.addEventListener("input", () => (wanted = false));
  // What was typed before this could listen, or what the browser kept of an earlier visit.
  addEventListener("load", () => {
    const field = document.getElementById("q");
    if (field.value !== field.defaultValue && asked !== field.value) htmx.trigger("#find", "submit");
  });
  document.addEventListener("htmx:historyRestore", () => (shownWords = asked = document.getElementById("q").value));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const tiles = [...document.querySelectorAll(".tile a")], field = document.getElementById("q");
    const here = tiles.indexOf(document.activeElement);
    if (document.activeElement !== field && here < 0) return;
    const next = here + (event.key === "ArrowDown" ? 1 : -1);
    if (next < 0 && here < 0) return;
    event.preventDefault();
    // Who is faster than the search does not get to a customer of other words.
    if (here < 0 && shownWords !== field.value) return void (wanted = true);
    (next < 0 ? field : tiles[next])?.focus();
  });
})();
