(() => {
  // Joins the controls, the map, the list and the open neuron; the address of the page says which neuron is open.
  const ADDRESS = /^#neuron-([^-]+)-(\d+)-(\d+)$/;
  const DIRECT = /^\D*(\d+)\D+(\d+)\D*$/;
  const ALL = "all";

  const explore = (box) => {
    const store = Neurons.store(box);
    const { about } = store;
    const field = (name) => box.querySelector(`[name="${name}"]`);
    const detail = box.querySelector(".concept-detail");
    const readout = box.querySelector(".neuron-readout");
    const wrong = box.querySelector(".neuron-wrong");
    const hint = readout.textContent;
    let open = null;
    let showing = 0;
    let takeFocus = false;

    const chosen = () => ({ label: Number(field("label").value), value: field("value").value, fate: field("fate")?.value ?? "" });
    const scope = () => store.levels.filter(({ model, layer }) => [ALL, model].includes(field("model").value)
      && [ALL, String(layer)].includes(field("layer").value));
    const list = Neurons.list(box, store, (level, neuron, byKey) => go(level, neuron, byKey));
    const map = Neurons.map(box.querySelector(".neuron-map"), store, {
      open: (level, neuron, byKey) => go(level, neuron, byKey),
      read: (at) => {
        readout.classList.toggle("hinting", !at);
        readout.textContent = at ? Neurons.readout(store, chosen().label, at.level, at.neuron) : hint;
      },
    });

    const values = () => {
      const names = about.values[chosen().label];
      field("value").replaceChildren(new Option("any", ""), ...names.map((name, i) => new Option(name, i)));
      field("value").closest("label").hidden = !names.length;
    };
    const update = async () => {
      const wanted = chosen();
      await Promise.all([store.map(wanted.label), store.ready()]);
      if (wanted.label !== chosen().label) return;
      const codes = Neurons.picked(store, chosen());
      const only = [field("value"), field("fate")].filter((one) => one?.value).map((one) => one.selectedOptions[0].text);
      map.show(codes, only.length ? `, only ${only.join(", ")}` : "");
      list.fill(wanted.label, codes, scope());
    };

    const show = async (level, neuron) => {
      showing += 1;
      const mine = showing;
      const [rest, vocabulary, sentences] = await Promise.all([
        store.rest(level.number), store.vocabulary(), store.sentences(), store.everyMap(), store.ready()]);
      if (mine !== showing) return;
      const inside = detail.contains(document.activeElement);
      const { title, content } = Neurons.neuron(store, { level, neuron, label: chosen().label, rest, vocabulary, sentences });
      const again = open && open.level === level && open.neuron === neuron;
      open = { level, neuron };
      detail.replaceChildren(...content);
      map.opened(level, neuron);
      list.opened(Neurons.address(level, neuron));
      if ((inside && !again) || takeFocus) title.focus({ preventScroll: true });
      const { top, bottom } = title.getBoundingClientRect();
      if (mine > 1 && !again && (top < 0 || bottom > innerHeight)) detail.scrollIntoView({ block: "start" });
      takeFocus = false;
    };
    const go = (level, neuron, byKey) => {
      takeFocus = byKey;
      const address = Neurons.address(level, neuron);
      if (location.hash === address) show(level, neuron);
      else location.hash = address;
    };
    // The neuron that the address names, or nothing.
    const addressed = () => {
      const [, model, layer, neuron] = ADDRESS.exec(location.hash) ?? [];
      const level = model === undefined ? undefined : store.find(model, Number(layer));
      return level && Number(neuron) < level.size ? { level, neuron: Number(neuron) } : null;
    };
    const first = () => {
      const one = list.first();
      return one ? show(one.level, one.neuron) : null;
    };
    const direct = () => {
      const [, layer, neuron] = DIRECT.exec(field("direct").value) ?? [];
      const model = field("model").value === ALL ? open?.level.model ?? about.levels[about.start][0] : field("model").value;
      const level = layer === undefined ? undefined : store.find(model, Number(layer));
      const found = level && Number(neuron) < level.size;
      wrong.hidden = Boolean(found);
      if (found) go(level, Number(neuron), true);
      else if (level) wrong.textContent = `Layer ${level.layer} of the ${model} model has neurons 0 to ${level.size - 1}.`;
      else if (layer) wrong.textContent = `The ${model} model has no layer ${layer} here.`;
      else wrong.textContent = "Write a layer and a neuron, as in 5:123.";
    };

    box.querySelector(".explorer-controls").addEventListener("input", async (event) => {
      const { name } = event.target;
      if (name === "direct") wrong.hidden = true;
      if (!["label", "value", "fate", "model", "layer"].includes(name)) return;
      if (name === "label") values();
      await update();
      if (name === "label" && open) show(open.level, open.neuron);
    });
    field("direct").addEventListener("keydown", (event) => { if (event.key === "Enter") direct(); });
    box.querySelector(".neuron-direct").addEventListener("click", direct);
    detail.addEventListener("keydown", (event) => { if (event.key === "Escape") list.focus(); });
    box.querySelector(".explorer-back").addEventListener("click", () => {
      list.focus();
      box.scrollIntoView({ block: "start" });
    });
    addEventListener("hashchange", () => {
      const at = addressed();
      if (at) show(at.level, at.neuron);
      else if (location.hash === "") first();
    });

    const start = async () => {
      box.hidden = false;
      box.closest(".figure").classList.add("explored");
      const at = addressed();
      if (at) field("model").value = at.level.model;
      values();
      await update();
      // The address may have changed while the first map was read.
      const now = addressed();
      if (now) {
        await show(now.level, now.neuron);
        detail.scrollIntoView({ block: "start" });
      } else await first();
      box.dataset.ready = "";
    };
    start();
  };

  for (const box of document.querySelectorAll("[data-neurons]")) {
    if (Explorer.possible()) explore(box);
    else box.parentElement.querySelector(".explorer-too-old").hidden = false;
  }
})();
