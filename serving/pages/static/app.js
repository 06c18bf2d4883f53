// What every page needs of a script: the zone of the clock, the proof of a change, problems that go away.
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = document.cookie.split("; ").find((one) => one.startsWith("overtide_zone="));
  if (zone && known !== `overtide_zone=${zone}`) {
    document.cookie = `overtide_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
    // A page with instants was written for another zone: once is enough, the cookie holds.
    if (document.querySelector("time") && document.cookie.includes(`overtide_zone=${zone}`)) location.reload();
  }
  document.addEventListener("htmx:configRequest", (event) => {
    const proof = document.body.dataset.csrf;
    if (proof) event.detail.headers["X-CSRF-Token"] = proof;
  });
  // A refusal is shown where it says (HX-Retarget), so htmx is to swap it as well.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status >= 400 && xhr.getResponseHeader("HX-Retarget")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  // What a person waits for: said where it takes long, and where nothing answers.
  const LONG = 3000, waiting = new Map(), slow = document.getElementById("slow");
  const told = () => {
    const late = [...waiting.values()].some((since) => performance.now() - since >= LONG);
    slow.textContent = late ? document.body.dataset.slow : "";
    slow.hidden = !late;
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    document.getElementById("problem").replaceChildren();
    waiting.set(event.detail.xhr, performance.now());
    setTimeout(told, LONG);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    waiting.delete(event.detail.xhr);
    told();
  });
  document.addEventListener("htmx:sendError", () => {
    const problem = document.createElement("article");
    problem.className = "problem";
    problem.textContent = document.body.dataset.offline;
    document.getElementById("problem").replaceChildren(problem);
  });
  document.addEventListener("keydown", (event) => {
    const field = document.querySelector("[data-search]");
    const writing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && field && !writing) {
      event.preventDefault();
      field.focus();
    }
  });
})();
