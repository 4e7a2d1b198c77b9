"use strict";
// The search of a report's page: filters and orders its cards, or those of the whole report.
(() => {
  const CARDS_AT_ONCE = 60;
  const form = document.getElementById("search");
  const list = document.getElementById("cards");
  if (!form || !list) return;
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const count = byId("count");
  const more = byId("more");

  const alike = new Set();
  for (const group of data.lookalikes) for (const a of group) for (const b of group) alike.add(a + b);

  const plain = (text) => text.toUpperCase().replace(/[^\p{L}\p{N}]/gu, "");
  const entries = data.cards ? data.cards.map(ofRecord) : Array.from(list.children, ofNode);
  entries.forEach((entry, place) => { entry.place = place; });

  function ofNode(node) {
    const own = node.dataset;
    return {
      node: () => node, standing: own.standing, plain: plain(own.text), class: own.class, video: own.video,
      confidence: own.confidence === "" ? null : Number(own.confidence), first: Number(own.first),
    };
  }

  function ofRecord(record) {
    let node = null;
    return {
      node: () => (node ??= made(record)), standing: record.standing, plain: plain(record.text ?? ""),
      class: record.class, video: record.video, confidence: record.confidence, first: record.first,
    };
  }

  function made(record) {
    const node = byId("card-template").content.firstElementChild.cloneNode(true);
    const part = (selector) => node.querySelector(selector);
    node.classList.add(record.standing);
    node.id = `card-${record.key}`;
    const link = part("a");
    link.href = record.page;
    link.className = { claim: "plate", guess: "plate guess", none: "no-plate" }[record.standing];
    link.textContent = record.text ?? "No plate";
    if (record.standing === "guess") link.after(" ", labelled("tag", "best guess"));
    if (record.standing === "none") link.append(labelled("unseen", `, ${record.class} ${record.key}`));
    picture(part(".view"), record.thumbnail, record.name, "no picture");
    picture(part(".crop"), record.plate, `plate of ${record.name}`, "no picture of a plate");
    if (record.confidence === null) part(".sure").remove();
    else {
      part(".meter span").style.width = `${Math.round(100 * record.confidence)}%`;
      part(".number").append(labelled("unseen", "confidence "), record.confidence.toFixed(2));
    }
    part(".seen").append(`${record.class}, ${record.span}`, document.createElement("br"), labelled("file", record.video));
    for (const [name, text] of Object.entries({
      alert: record.alert, when: record.when, place: record.place, why: record.reason,
    })) {
      if (text) part(`.${name}`).textContent = text;
      else part(`.${name}`).remove();
    }
    return node;
  }

  function labelled(name, text) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    return span;
  }

  function picture(place, address, alt, otherwise) {
    if (!address) {
      const text = document.createElement("p");
      text.className = "placeholder";
      text.textContent = otherwise;
      place.append(text);
      return;
    }
    const image = document.createElement("img");
    image.loading = "lazy";
    image.alt = alt;
    image.src = address;
    place.append(image);
  }

  // 0: has the text; 1: has one that reads alike; null: neither.
  function likeness(text, query) {
    if (text.includes(query)) return 0;
    const most = query.length < 3 ? 0 : query.length < 6 ? 1 : 2;
    for (let start = 0; start + query.length <= text.length; start += 1) {
      let different = 0;
      for (let n = 0; n < query.length && different <= most; n += 1) {
        const a = text[start + n];
        if (a !== query[n]) different += alike.has(a + query[n]) ? 1 : most + 1;
      }
      if (different <= most) return 1;
    }
    return null;
  }

  const orders = {
    "": (a, b) => a.place - b.place,
    time: (a, b) => a.video.localeCompare(b.video) || a.first - b.first,
    sure: (a, b) => (b.confidence ?? -1) - (a.confidence ?? -1),
    unsure: (a, b) => (a.confidence ?? 2) - (b.confidence ?? 2),
    text: (a, b) => (a.plain === "") - (b.plain === "") || a.plain.localeCompare(b.plain),
  };

  let limit = CARDS_AT_ONCE;

  function update() {
    const query = plain(byId("q").value);
    const wanted = { class: byId("class").value, video: byId("video")?.value ?? "" };
    const found = [];
    for (const entry of entries) {
      if (wanted.class && entry.class !== wanted.class) continue;
      if (wanted.video && entry.video !== wanted.video) continue;
      if (byId("claims").checked && entry.standing !== "claim") continue;
      const far = query === "" ? 0 : likeness(entry.plain, query);
      if (far !== null) found.push({ entry, far });
    }
    const order = orders[byId("sort").value];
    found.sort((a, b) => a.far - b.far || order(a.entry, b.entry) || a.entry.place - b.entry.place);
    const shown = data.cards ? found.slice(0, limit) : found;
    list.replaceChildren(...shown.map(({ entry, far }) => {
      const node = entry.node();
      node.querySelector(".near").hidden = far === 0;
      return node;
    }));
    more.parentElement.hidden = shown.length === found.length;
    count.textContent = told(found, shown.length);
  }

  function told(found, shown) {
    const number = (n) => n.toLocaleString("en");
    const alikeOnly = found.filter(({ far }) => far === 1).length;
    const parts = [found.length === entries.length ? `${number(entries.length)} sightings`
      : `${number(found.length)} of ${number(entries.length)} sightings`];
    if (alikeOnly) parts.push(`${alikeOnly === found.length ? "each" : `${number(alikeOnly)} of them`} with a text that reads alike`);
    if (shown < found.length) parts.push(`the first ${number(shown)} are shown`);
    return parts.join(", ");
  }

  function offer(id, values) {
    const select = byId(id);
    if (!select) return;
    for (const value of Array.from(new Set(values)).sort()) select.append(new Option(value, value));
  }

  // A link to a card that is filtered out shows it all the same.
  function goToTarget() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (!id.startsWith("card-")) return;
    if (!byId(id) && !data.cards && list.children.length < entries.length) {
      form.reset(); // which shows all cards, a moment later
      setTimeout(goToTarget);
      return;
    }
    for (const card of list.querySelectorAll(".found")) card.classList.remove("found");
    const card = byId(id);
    if (!card) return;
    card.classList.add("found");
    card.scrollIntoView({ block: "center" });
    card.querySelector("a").focus({ preventScroll: true });
  }

  offer("class", entries.map((entry) => entry.class));
  offer("video", entries.map((entry) => entry.video));
  const changed = () => { limit = CARDS_AT_ONCE; update(); };
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  more.addEventListener("click", () => {
    const seen = list.children.length;
    limit += CARDS_AT_ONCE;
    update();
    list.children[seen]?.querySelector("a").focus();
  });
  window.addEventListener("hashchange", goToTarget);
  window.addEventListener("pageshow", () => { update(); goToTarget(); });
  form.hidden = false;
})();
