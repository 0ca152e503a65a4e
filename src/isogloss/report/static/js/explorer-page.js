(() => {
  // Joins an explorer's controls, list and open concept; the address of the page says which concept is open.
  const { node, bdi, bar, whole } = Explorer;
  const ADDRESS = /^#concept-([^-]+)-(\d+)-(\d+)$/;
  const ALL = "all";

  const explore = (box) => {
    const store = Explorer.store(box);
    const { about } = store;
    const field = (name) => box.querySelector(`[name="${name}"]`);
    const view = box.querySelector(".concept-list");
    const detail = box.querySelector(".concept-detail");
    const status = box.querySelector(".explorer-status");
    const nothing = box.querySelector(".explorer-nothing");
    const everywhere = box.querySelector(".explorer-everywhere");
    const clear = box.querySelector(".explorer-clear");
    let found = { codes: [], words: [] };
    let opened = -1;
    let turn = 0;
    let showing = 0;
    let takeFocus = false;
    let many = false;

    const scope = () => about.levels.map((_, i) => i).filter((i) => {
      const [model, layer] = about.levels[i];
      return [ALL, model].includes(field("model").value) && [ALL, String(layer)].includes(field("layer").value);
    });
    const chosen = () => Object.fromEntries(["query", "family", "value", "polar", "fate", "order"]
      .map((name) => [name, field(name)?.value ?? ""]));

    const describe = (at) => {
      const level = store.heads[Explorer.level(found.codes[at])];
      const id = Explorer.id(found.codes[at]);
      const hit = found.words[at];
      const facts = [
        many ? `${level.model} ${level.layer}` : null,
        `${whole(level.tokens[id])} tokens`,
        about.fates[level.fates[id]] ?? null,
      ].filter(Boolean).join(" · ");
      const why = hit >= 0 ? node("span", "hit", bdi(store.words.shown[level.words[hit]]), ` ${whole(level.counts[hit])} · `) : null;
      const polar = level.polar[id];
      const share = polar < 0 ? null : node("span", "row-polar",
        bdi(about.classes[polar]), bar(level.shares[id * about.classes.length + polar], "share polar"));
      return node("div", "", node("span", "row-name", bdi(level.names[id])), node("span", "row-facts", node("span", "", why, facts), share));
    };
    const list = Explorer.list(view, describe, (at, byKey) => {
      takeFocus = byKey;
      go(found.codes[at]);
    });

    const draw = () => {
      const numbers = scope();
      many = numbers.length > 1;
      found = Explorer.search(store, numbers, chosen());
      const total = numbers.reduce((sum, i) => sum + about.levels[i][2], 0);
      const { query, family, polar, fate } = chosen();
      const narrowed = Boolean(query.trim() || family || polar || fate);
      list.fill(found.codes.length, (at) => found.codes[at] === opened);
      const all = `${whole(total)} concept${total === 1 ? "" : "s"}`;
      status.textContent = found.codes.length === total ? all : `${whole(found.codes.length)} of ${all}`;
      nothing.hidden = found.codes.length > 0;
      clear.hidden = !narrowed;
      everywhere.hidden = !narrowed || numbers.length === about.levels.length;
    };
    const update = async () => {
      turn += 1;
      const mine = turn;
      const numbers = scope();
      const tell = (i, n) => { status.textContent = `reading ${i + 1} of ${n} layers`; };
      if (!store.loaded(numbers) && !(await store.ready(numbers, tell, () => mine !== turn))) return;
      if (mine === turn) draw();
    };

    const values = () => {
      const [family, value] = [field("family"), field("value")];
      if (!family) return;
      const inside = about.labels.filter((label) => label.split("=")[0] === family.value && label.includes("="));
      value.replaceChildren(new Option("any", ""), ...inside.map((label) => new Option(label.slice(label.indexOf("=") + 1), label)));
      value.closest("label").hidden = family.value === "" || !inside.length;
    };

    const show = async (code) => {
      showing += 1;
      const mine = showing;
      const number = Explorer.level(code);
      const [, layer] = about.levels[number];
      const across = about.levels.findIndex((level, i) => i !== number && level[1] === layer);
      const [level, rest, other, sentences] = await Promise.all([
        store.head(number), store.rest(number), across < 0 ? null : store.head(across), store.sentences(), store.vocabulary()]);
      if (mine !== showing) return;
      const inside = detail.contains(document.activeElement);
      const { title, content } = Explorer.concept(store, { level, rest, other, sentences, id: Explorer.id(code) });
      opened = code;
      detail.replaceChildren(...content);
      list.draw();
      if (inside || takeFocus) title.focus({ preventScroll: true });
      const { top, bottom } = title.getBoundingClientRect();
      if (mine > 1 && (top < 0 || bottom > innerHeight)) detail.scrollIntoView({ block: "start" });
      takeFocus = false;
    };
    const go = (code) => {
      const level = about.levels[Explorer.level(code)];
      const address = Explorer.address({ model: level[0], layer: level[1] }, Explorer.id(code));
      if (location.hash === address) show(code);
      else location.hash = address;
    };
    // The concept that the address names, or -1.
    const addressed = () => {
      const [, model, layer, id] = ADDRESS.exec(location.hash) ?? [];
      const number = model === undefined ? -1 : store.find(model, Number(layer));
      return number >= 0 && Number(id) < about.levels[number][2] ? Explorer.code(number, Number(id)) : -1;
    };
    const first = () => (found.codes.length ? show(found.codes[0]) : null);

    box.querySelector(".explorer-controls").addEventListener("input", (event) => {
      if (event.target.name === "family") values();
      update();
    });
    field("query").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") list.focus();
      else return;
      event.preventDefault();
    });
    everywhere.addEventListener("click", () => {
      field("model").value = ALL;
      field("layer").value = ALL;
      update();
    });
    clear.addEventListener("click", () => {
      for (const name of ["query", "family", "polar", "fate"]) if (field(name)) field(name).value = "";
      values();
      update();
      field("query").focus();
    });
    detail.addEventListener("keydown", (event) => { if (event.key === "Escape") list.focus(); });
    box.querySelector(".explorer-back").addEventListener("click", () => {
      list.focus();
      box.scrollIntoView({ block: "start" });
    });
    addEventListener("hashchange", () => {
      const code = addressed();
      if (code >= 0) show(code);
      else if (location.hash === "") first();
    });

    const start = async () => {
      box.hidden = false;
      box.closest(".figure").classList.add("explored");
      const code = addressed();
      if (code >= 0) {
        [field("model").value, field("layer").value] = about.levels[Explorer.level(code)].map(String);
      }
      values();
      await update();
      // The address may have changed while the first level was read.
      if (addressed() >= 0) {
        await show(addressed());
        box.scrollIntoView({ block: "start" });
      } else await first();
      box.dataset.ready = "";
    };
    start();
  };

  for (const box of document.querySelectorAll("[data-explorer]")) {
    if (Explorer.possible()) explore(box);
    else box.parentElement.querySelector(".explorer-too-old").hidden = false;
  }
})();
