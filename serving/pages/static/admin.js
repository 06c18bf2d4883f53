// What the pages of usage, refreshes and data need: focus where something opened, news said aloud,
// names that are put into a statement.
(() => {
  "use strict";
  document.addEventListener("htmx:afterSettle", (event) => {
    const part = event.detail.elt;
    const heading = part.querySelector?.("[data-focus]");
    if (heading) heading.focus();
    const said = (part.matches?.("[data-announce]") ? part : part.querySelector?.("[data-announce]"))?.dataset.announce;
    const place = document.getElementById("news");
    if (said && place && place.textContent !== said) place.textContent = said;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    const field = document.getElementById("statement");
    if (!button || !field) return;
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "statement") {
      event.preventDefault();
      document.getElementById("run").click();
    }
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
})();
