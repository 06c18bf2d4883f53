// A card in a page of another system. Its token comes in the fragment of the address or from the page
// around it, is kept here alone, and goes along with every request as a header: no cookie is needed.
(() => {
  "use strict";
  const frame = document.getElementById("frame");
  const origins = frame.dataset.origins.split(" ").filter(Boolean);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const SHARE = 5, MOST_AHEAD = 60000, AGAIN = 1000;
  let token = "", shown = false, timers = [];

  // --- the page around it: only one of a configured origin is told anything, or listened to
  const referrer = () => { try { return new URL(document.referrer).origin; } catch { return ""; } };
  let around = location.ancestorOrigins?.[0] ?? referrer();
  const tell = (type, more = {}) => {
    if (parent !== window && origins.includes(around)) parent.postMessage({ type: `overtide-${type}`, ...more }, around);
  };
  addEventListener("message", (event) => {
    if (event.source !== parent || parent === window || !origins.includes(event.origin)) return;
    around = event.origin;
    if (event.data?.type === "overtide-token" && typeof event.data.token === "string") take(event.data.token);
  });

  // --- every request of this frame carries the token
  const carried = (headers) => {
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (zone) headers.set("Overtide-Time-Zone", zone);
  };
  const plain = window.fetch.bind(window);
  window.fetch = (place, options = {}) => {
    const headers = new Headers(options.headers);
    if (new URL(place, location.href).origin === location.origin) carried(headers);
    return plain(place, { ...options, headers, credentials: "omit" });
  };
  document.addEventListener("htmx:configRequest", (event) => {
    carried({ set: (name, text) => { event.detail.headers[name] = text; } });
  });
  // An EventSource sends no headers; this one does.
  window.EventSource = class extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSED = 2;
    readyState = 0;
    #last = "";
    #ending = new AbortController();
    constructor(place) {
      super();
      this.#follow(place);
    }
    close() {
      this.readyState = 2;
      this.#ending.abort();
    }
    #told(type, data) {
      if (this.readyState !== 2 || type === "error") this.dispatchEvent(new MessageEvent(type, { data, lastEventId: this.#last }));
    }
    async #follow(place) {
      while (this.readyState !== 2) {
        try {
          const headers = this.#last ? { "Last-Event-ID": this.#last } : {};
          const answer = await fetch(place, { headers, cache: "no-store", signal: this.#ending.signal });
          if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) {
            this.readyState = 2;
            return this.#told("error");
          }
          this.readyState = 1;
          this.#told("open");
          await this.#read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
        } catch { /* the connection was lost */ }
        if (this.readyState === 2) return;
        this.readyState = 0;
        this.#told("error");
        await new Promise((done) => setTimeout(done, AGAIN));
      }
    }
    async #read(reader) {
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.forEach((block) => this.#event(block));
      }
    }
    #event(block) {
      const found = { event: "message", data: [] };
      for (const line of block.split("\n")) {
        const at = line.indexOf(":"), name = line.slice(0, at), text = line.slice(at + 1).replace(/^ /, "");
        if (name === "data") found.data.push(text);
        else if (name === "id") this.#last = text;
        else if (name) found[name] = text;
      }
      if (found.data.length) this.#told(found.event, found.data.join("\n"));
    }
  };

  // --- the token: taken, shown to be about to end, ended
  const take = async (given) => {
    token = given;
    const answer = await fetch(`/embed/customers/${encodeURIComponent(frame.dataset.customer)}/card`, {
      headers: { "HX-Request": "true" }, cache: "no-store",
    }).catch(() => null);
    if (given !== token) return;
    if (answer === null) return void setTimeout(() => { if (given === token) take(given); }, AGAIN);
    const text = await answer.text();
    if (!answer.ok) {
      document.getElementById("problem").innerHTML = text;
      return answer.status === 401 ? ended() : undefined;
    }
    document.getElementById("problem").replaceChildren();
    await planned(answer.headers.get("Overtide-Token-Expires"), Date.parse(answer.headers.get("Date")));
    if (shown) {
      // What is there stays as it is, and goes on with the new token.
      document.dispatchEvent(new Event("visibilitychange"));
      return void document.getElementById("customer").dispatchEvent(new CustomEvent("customer-changed", { bubbles: true }));
    }
    shown = true;
    frame.innerHTML = text;
    htmx.process(frame);
    const script = document.createElement("script");
    script.src = frame.dataset.script;
    document.head.append(script);
  };
  const planned = async (end, now) => {
    timers.forEach(clearTimeout);
    const left = Date.parse(end) - now;
    const ahead = Math.min(MOST_AHEAD, left / SHARE);
    timers = [
      setTimeout(() => tell("token-expiring", { expiresAt: end }), Math.max(0, left - ahead)),
      setTimeout(ended, left),
    ];
  };
  const ended = () => {
    token = "";
    tell("token-expired");
    const problem = document.createElement("article");
    problem.className = "problem";
    problem.textContent = frame.dataset.ended;
    document.getElementById("problem").replaceChildren(problem);
  };

  // --- as high as its content; what leads to other pages opens beside it
  new ResizeObserver(() => tell("size", { height: Math.ceil(document.body.scrollHeight) })).observe(document.body);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (link && /^https?:$/.test(link.protocol) && !link.getAttribute("href").startsWith("#")) {
      link.target = "_blank";
      link.rel = "noopener noreferrer";
    }
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.closest("[hx-post], [hx-get]")) event.preventDefault();
  });
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  history.replaceState(null, "", location.pathname);
  history.replaceState = () => {}; // the address of a frame stays: it could not be loaded again by another
  addEventListener("load", () => {
    if (given) take(given);
    tell("ready");
  });
})();
