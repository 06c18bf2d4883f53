// <overtide-card src="https://…/embed/customers/ID" token="…">: a customer's card in any page.
// Events: overtide-token-expiring (detail.expiresAt) asks for another token, set as the attribute;
// overtide-token-expired, when there was none in time; overtide-ready.
(() => {
  "use strict";
  const LEAST = 120, MOST = 20000;
  class OvertideCard extends HTMLElement {
    static observedAttributes = ["src", "token"];
    #frame = null;
    #heard = (event) => {
      if (!this.#frame || event.source !== this.#frame.contentWindow || event.origin !== this.#origin) return;
      const { type, height, expiresAt } = event.data ?? {};
      if (type === "overtide-ready") this.#give();
      if (type === "overtide-size" && Number.isFinite(height)) {
        this.#frame.style.height = `${Math.min(MOST, Math.max(LEAST, height))}px`;
      }
      if (["overtide-ready", "overtide-token-expiring", "overtide-token-expired"].includes(type)) {
        this.dispatchEvent(new CustomEvent(type, { bubbles: true, detail: { expiresAt } }));
      }
    };
    get #origin() {
      return new URL(this.getAttribute("src") ?? "", document.baseURI).origin;
    }
    #give() {
      const token = this.getAttribute("token");
      if (token && this.#frame) this.#frame.contentWindow.postMessage({ type: "overtide-token", token }, this.#origin);
    }
    #show() {
      const src = this.getAttribute("src");
      this.#frame = null;
      if (!src || !this.isConnected) return this.replaceChildren();
      const frame = document.createElement("iframe");
      frame.src = new URL(src, document.baseURI).href.split("#")[0];
      frame.title = this.getAttribute("label") ?? "Customer";
      frame.referrerPolicy = "origin";
      Object.assign(frame.style, { border: "0", display: "block", width: "100%", height: `${LEAST}px` });
      this.#frame = frame;
      this.replaceChildren(frame);
    }
    connectedCallback() {
      addEventListener("message", this.#heard);
      this.#show();
    }
    disconnectedCallback() {
      removeEventListener("message", this.#heard);
      this.#frame = null;
    }
    attributeChangedCallback(name, before, now) {
      if (!this.isConnected || before === now) return;
      if (name === "src") this.#show();
      else if (this.#frame) this.#give();
    }
  }
  if (!customElements.get("overtide-card")) customElements.define("overtide-card", OvertideCard);
})();
