// An open card: it follows the stream of its customer, counts down, and looks back in time.
(() => {
  "use strict";
  const root = document.getElementById("customer");
  const language = document.documentElement.lang;
  const address = root.dataset.address;
  const AGAIN = 2000, SLIDE = 200, MINUTE = 60000, MOST_MINUTES = 43200;
  let stream = null, tag = null, ahead = 0, retry = 0, asked = null, journey = 0, over = new Set();

  // --- the clock of the server, which decides when a value ends
  const heard = (shown) => {
    const now = shown.querySelector("[data-now]")?.dataset.now;
    if (now && !root.classList.contains("past")) ahead = Date.parse(now) - Date.now();
  };
  const unit = (value, name) => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "narrow" }).format(value);
  const two = (value) => String(value).padStart(2, "0");
  const left = (seconds) => {
    const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24;
    if (days) return `${unit(days, "day")} ${unit(hours, "hour")}`;
    return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  };
  const count = () => {
    for (const one of document.querySelectorAll(".countdown")) {
      const until = one.dataset.until, rest = (Date.parse(until) - Date.now() - ahead) / 1000;
      const text = rest > 0 ? left(Math.ceil(rest)) : left(0);
      if (one.textContent !== text) one.textContent = text;
      // Without a stream nobody tells that it is over.
      if (rest <= 0 && !over.has(until) && stream?.readyState !== EventSource.OPEN && !root.classList.contains("past")) {
        over.add(until);
        look();
      }
    }
  };

  // --- a card that comes takes the place of the one there, part by part: what is open stays open
  const parsed = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content;
  };
  const keys = (shown) => [...shown.querySelectorAll("[data-field]")].map((one) => one.dataset.field).join("\n");
  const plain = (part) => part.outerHTML.replace(/(data-now="[^"]*"| changed|<span class="countdown".*?<\/span>)/g, "");
  const apply = (html, telling) => {
    const next = parsed(html), here = document.getElementById("card");
    heard(next);
    if (keys(next) !== keys(here)) {
      here.replaceChildren(next);
      htmx.process(here);
      return count();
    }
    const said = [];
    for (const part of next.querySelectorAll(".part")) {
      const before = document.getElementById(part.id);
      const one = before.cloneNode(true);
      one.classList.remove("changed");
      one.querySelectorAll(".countdown").forEach((text) => { text.textContent = "\u00a0"; });
      one.querySelectorAll("[class='']").forEach((text) => text.removeAttribute("class"));
      if (plain(one) === plain(part)) continue;
      const focused = before.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") ?? "" : null;
      if (telling && part.dataset.name) {
        part.classList.add("changed");
        said.push(`${part.dataset.name}: ${part.querySelector(".value").textContent.trim()}`);
      }
      before.replaceWith(part);
      htmx.process(part);
      // What had the focus has it again; where it is gone (a change was withdrawn), what stands there.
      const buttons = [...part.querySelectorAll("button, a")];
      if (focused !== null) (buttons.find((one) => one.getAttribute("aria-label") === focused) ?? buttons.at(-1))?.focus();
    }
    if (said.length) document.getElementById("announcer").textContent = root.dataset.said.replace("{fields}", said.join("; "));
    count();
  };
  const fragment = async (place) => {
    const answer = await fetch(place, { headers: { "HX-Request": "true" }, credentials: "same-origin", cache: "no-store" });
    const elsewhere = answer.headers.get("HX-Redirect");
    if (elsewhere) return void location.assign(elsewhere);
    if (!answer.ok) {
      document.getElementById("problem").replaceChildren(parsed(await answer.text()));
      return null;
    }
    document.getElementById("problem").replaceChildren();
    return answer.text();
  };
  const look = async () => {
    const seen = past;
    try {
      const html = await fragment(address + seen);
      if (html !== null && html !== undefined && seen === past) apply(html, true);
    } catch { /* the network is away: the stream comes back when it does */ }
  };

  // --- the stream
  const connected = (is) => {
    const shown = document.getElementById("connection");
    shown.textContent = is ? "" : root.dataset.gone;
    shown.hidden = is;
  };
  const follow = () => {
    if (root.classList.contains("past") || document.hidden) return;
    clearTimeout(retry);
    stream?.close();
    stream = new EventSource(`${address}/live`);
    stream.addEventListener("open", () => connected(true));
    stream.addEventListener("card", (event) => apply(event.data, true));
    stream.addEventListener("activities", (event) => {
      const now = JSON.parse(event.data).tag;
      if (tag !== null && tag !== now) renew();
      tag = now;
    });
    stream.addEventListener("signed-out", () => { leave(); look(); });
    stream.addEventListener("error", (event) => {
      connected(false);
      // What the server says is final (a customer that is gone), or no stream was answered: ask why.
      if (event.data || stream.readyState === EventSource.CLOSED) {
        leave();
        retry = setTimeout(async () => { await look(); follow(); }, AGAIN);
      }
    });
  };
  const leave = () => { stream?.close(); stream = null; clearTimeout(retry); };
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) follow(); });

  // --- new activities take their place among those that are there; what is open stays open
  const ROWS = 100, MOST_ROWS = 1000;
  const filters = () => new URLSearchParams(new FormData(document.querySelector(".timeline-filters") ?? undefined));
  const activities = (list) => [...(list?.querySelectorAll("[data-activity]") ?? [])];
  const renew = async () => {
    const list = document.getElementById("activities"), place = filters();
    place.set("top", Math.min(Math.max(activities(list).length, ROWS), MOST_ROWS));
    const html = await fragment(`${address}/timeline?${place}`);
    if (!html || place.get("asOf") !== filters().get("asOf")) return;
    const next = parsed(html), fresh = next.getElementById("activities");
    const timeline = document.getElementById("timeline"), holder = document.getElementById("timeline-list");
    if (!holder) {
      timeline.replaceChildren(next);
      return htmx.process(timeline);
    }
    const count = next.getElementById("timeline-count"), types = next.getElementById("timeline-type");
    if (list && fresh) {
      list.dataset.months = fresh.dataset.months;
      reconcile(list, fresh);
      counted();
    } else {
      holder.replaceChildren(...next.getElementById("timeline-list").childNodes);
      htmx.process(holder);
    }
    document.getElementById("timeline-count").textContent = count.textContent;
    const open = document.activeElement?.closest(".timeline-filters");
    if (!open) document.getElementById("timeline-type").replaceChildren(...types.childNodes);
  };
  // A row that is there and says the same is kept; what stands below all that was asked for stays too.
  const reconcile = (list, fresh) => {
    const key = (one) => one.dataset.activity ?? one.querySelector("[data-month]")?.dataset.month;
    const here = new Map([...list.children].map((one) => [one.className.split(" ")[0] + key(one), one]));
    const found = (one) => here.get(one.className.split(" ")[0] + key(one));
    const same = (one, other) => one.matches(".month") || (one.textContent === other.textContent && one.className === other.className);
    const last = found(activities(fresh).at(-1)), below = [];
    if (last && activities(list).length > MOST_ROWS) {
      fresh.querySelector(".more")?.remove();
      for (let one = last.nextElementSibling; one; one = one.nextElementSibling) below.push(one);
    }
    const shown = [...fresh.children].map((one) => (!one.matches(".more") && found(one) && same(one, found(one)) ? found(one) : one));
    const kept = new Set([...shown, ...below]);
    for (const one of [...list.children]) if (!kept.has(one)) one.remove();
    let at = list.firstElementChild;
    for (const one of shown) {
      if (one === at) at = at.nextElementSibling;
      else {
        list.insertBefore(one, at);
        htmx.process(one);
      }
    }
  };
  // Months that come later have their counts from the first page.
  const counted = () => {
    const list = document.getElementById("activities");
    if (!list) return;
    const counts = new Map(list.dataset.months.split(";").map((one) => one.split("=")));
    for (const one of list.querySelectorAll("[data-month]")) {
      const count = counts.get(one.dataset.month) ?? "";
      if (one.textContent !== count) one.textContent = count;
    }
  };
  document.addEventListener("htmx:afterSwap", counted);

  // --- panels: why, and edit; closed by Escape or what they say, and the focus goes back
  const close = (panel) => {
    const opener = panel._opener;
    panel.replaceChildren();
    (opener?.isConnected ? opener : panel.closest(".field")?.querySelector(".actions button:last-of-type"))?.focus();
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    const button = event.detail.elt;
    if (!button.matches?.(".actions button[hx-get]")) return;
    const panel = button.closest(".field").querySelector(".panel");
    panel._opener = button;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    event.detail.elt.querySelector?.("[data-focus]")?.focus();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close(event.target.closest(".panel"));
  });
  document.addEventListener("keydown", (event) => {
    const panel = event.key === "Escape" && event.target.closest?.(".panel");
    if (panel) close(panel);
  });
  // Who writes a value means one.
  document.addEventListener("input", (event) => {
    if (event.target.matches(".edit [name='value']")) event.target.form.elements.empty.checked = false;
  });
  document.addEventListener("customer-changed", (event) => {
    const panel = event.target.closest?.(".panel");
    if (panel) close(panel);
    look();
  });

  // --- the time: a slider over the last 30 days, and back
  const slider = document.getElementById("time-slider"), form = slider.form;
  const at = document.getElementById("time-at"), known = document.getElementById("time-known");
  const knowing = document.getElementById("time-knowing"), output = document.getElementById("time-shown");
  let past = location.search; // what is looked at; the address of a frame does not tell
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const begin = () => Date.now() + ahead - MOST_MINUTES * MINUTE;
  const local = (instant) => new Date(instant - new Date(instant).getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
  const place = () => {
    const asOf = slider.dataset.asOf;
    slider.value = asOf ? Math.min(MOST_MINUTES - 5, Math.max(0, Math.round((Date.parse(asOf) - begin()) / MINUTE))) : MOST_MINUTES;
    output.textContent = asOf ? format.format(Date.parse(asOf)) : slider.dataset.nowText;
    at.value = asOf ? local(Date.parse(asOf)) : "";
    slider.setAttribute("aria-valuetext", output.textContent);
  };
  // The instants that are asked for, as an address keeps them: what is known now, was known then, or at another time.
  const moments = (asOf) => {
    const search = new URLSearchParams();
    if (asOf) search.set("asOf", asOf);
    if (asOf && knowing.value === "then") search.set("knownAt", asOf);
    if (knowing.value === "at" && known.value) search.set("knownAt", new Date(known.value).toISOString());
    return search.toString().replaceAll("%3A", ":");
  };
  const slid = () => {
    const now = Number(slider.value) >= MOST_MINUTES;
    const instant = Math.floor((begin() + slider.value * MINUTE) / MINUTE) * MINUTE;
    output.textContent = now ? slider.dataset.nowText : format.format(instant);
    slider.setAttribute("aria-valuetext", output.textContent);
    at.value = now ? "" : local(instant);
    clearTimeout(asked);
    asked = setTimeout(() => travel(moments(now ? "" : new Date(instant).toISOString())), SLIDE);
  };
  const chosen = (event) => {
    event.preventDefault();
    clearTimeout(asked);
    travel(moments(at.value && new Date(at.value).toISOString()));
  };
  const travel = async (search) => {
    const target = search ? `${address}?${search}` : address, mine = ++journey;
    const html = await fragment(target);
    if (mine !== journey) return; // another time was chosen meanwhile
    if (html === null) return place(); // nothing can be shown of that time: the card stays at its own
    if (html === undefined) return;
    history.replaceState(null, "", target);
    past = search && `?${search}`;
    slider.dataset.asOf = new URLSearchParams(search).get("asOf") ?? "";
    root.classList.toggle("past", search !== "");
    if (search) leave();
    document.querySelectorAll("#card .panel").forEach((panel) => panel.replaceChildren());
    const records = document.getElementById("records");
    if (!!records === (search !== "")) document.getElementById("card").replaceChildren();
    apply(html, false);
    if (!search) follow();
    place();
    htmx.ajax("GET", `${address}/timeline?${search}`, { source: "#timeline", target: "#timeline", swap: "innerHTML" }).catch(() => {});
  };
  slider.addEventListener("input", slid);
  form.addEventListener("submit", chosen);
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".back")) return;
    event.preventDefault();
    slider.value = MOST_MINUTES;
    knowing.value = "now";
    travel("").then(() => slider.closest("details").querySelector("summary").focus());
  });

  const start = () => {
    heard(document);
    place();
    count();
    setInterval(count, 1000);
    follow();
  };
  // In a frame the card comes after the page.
  if (document.readyState === "complete") start();
  else document.addEventListener("DOMContentLoaded", start);
})();
