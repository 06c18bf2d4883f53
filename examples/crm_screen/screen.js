// The screen asks its own server for a token of one customer, and gives it to the card; before the
// token ends the card says so, and gets another one.
"use strict";
const place = document.getElementById("place"), state = document.getElementById("state");

const asked = async (customer) => {
  const role = document.getElementById("change").checked ? "Contributor" : "Viewer";
  const answer = await fetch(`/card?customer=${customer}&role=${role}`, { method: "POST" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.message);
  return found;
};

const loaded = (script) => customElements.get("overtide-card") ?? new Promise((done, failed) => {
  document.head.append(Object.assign(document.createElement("script"), { src: script, onload: done, onerror: failed }));
});

const show = async (customer, button) => {
  document.querySelector("[aria-current]")?.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  document.getElementById("name").textContent = button.textContent;
  state.textContent = "";
  try {
    const { url, token, script } = await asked(customer);
    await loaded(script);
    const card = document.createElement("overtide-card");
    card.setAttribute("src", url);
    card.setAttribute("token", token);
    card.setAttribute("label", `Customer ${button.textContent}`);
    card.addEventListener("overtide-token-expiring", async () => {
      card.setAttribute("token", (await asked(customer)).token);
      card.dataset.renewed = String(Number(card.dataset.renewed ?? 0) + 1);
    });
    place.replaceChildren(card);
  } catch (error) {
    state.textContent = `The card cannot be shown: ${error.message}`;
  }
};

(async () => {
  const customers = await (await fetch("/customers")).json();
  document.getElementById("customers").append(...customers.map(({ id, name }) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.textContent = name;
    button.dataset.customer = id;
    button.addEventListener("click", () => show(id, button));
    item.append(button);
    return item;
  }));
})();
