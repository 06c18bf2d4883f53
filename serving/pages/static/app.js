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
  document.addEventListener("htmx:beforeRequest", () => {
    document.getElementById("problem").replaceChildren();
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
