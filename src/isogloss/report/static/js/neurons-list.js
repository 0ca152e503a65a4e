(() => {
  // The most salient neurons of what is chosen, as buttons: the way in for those who cannot use the map.
  const { node, bdi, bar, whole } = Explorer;
  const AT_ONCE = 24;
  const VALUES = 3;
  const NEURONS = 1e6;
  const LEVELS = 1e3;

  // What of a label's map is shown: all of it, or only neurons salient for one value, or of one fate.
  Neurons.picked = (store, { label, value, fate }) => {
    const codes = store.maps[label];
    if (value === "" && fate === "") return codes;
    return store.levels.map((level) => {
      const head = store.heads[level.number];
      const kept = new Uint32Array(level.size);
      head.neurons.forEach((neuron, place) => {
        if (fate !== "" && head.fates[place] !== Number(fate)) return;
        const fits = ([of, which]) => of === label && which === Number(value);
        if (value === "" || store.salient(level, neuron).some(fits)) kept[neuron] = codes[level.number][neuron];
      });
      return kept;
    });
  };

  // Neurons with any saliency at the given levels as single numbers, most salient last.
  const sorted = (store, codes, levels) => {
    const keys = new Float64Array(levels.reduce((sum, level) => sum + level.size, 0));
    let count = 0;
    for (const { number, size } of levels) {
      for (let neuron = 0; neuron < size; neuron += 1) {
        const code = codes[number][neuron];
        if (code) keys[count++] = (code * LEVELS + (LEVELS - 1 - number)) * NEURONS + (NEURONS - 1 - neuron);
      }
    }
    return keys.subarray(0, count).sort();
  };
  const read = (store, key) => ({
    level: store.levels[LEVELS - 1 - (Math.floor(key / NEURONS) % LEVELS)],
    neuron: NEURONS - 1 - (key % NEURONS),
  });

  Neurons.list = (box, store, open) => {
    const list = box.querySelector(".neuron-list");
    const status = box.querySelector(".explorer-status");
    const more = box.querySelector(".neuron-more");
    let keys = new Float64Array(0);
    let [label, count, models] = [0, 0, 1];
    let opened = "";

    const row = (key) => {
      const { level, neuron } = read(store, key);
      const values = store.salient(level, neuron).filter(([of]) => of === label).map(([, which]) => store.about.values[label][which]);
      const named = values.slice(0, VALUES).flatMap((value, i) => [i ? ", " : "", bdi(value)]);
      const fate = store.fate(level, neuron);
      const share = store.share(label, level, neuron);
      const button = node("button", "neuron-row",
        node("span", "neuron-where", models > 1 ? node("span", `model-name ${level.model}`, level.model) : null, `${level.layer}:${neuron}`),
        bar(share, "share"), node("span", "number", Neurons.saliency(share)),
        node("span", "neuron-what", ...named, values.length > VALUES ? " …" : "", values.length && fate ? " · " : "", fate));
      button.type = "button";
      button.dataset.address = Neurons.address(level, neuron);
      button.setAttribute("aria-label", `${level.model}, layer ${level.layer}, neuron ${neuron}: saliency ${Neurons.saliency(share)} for ${store.about.labels[label]}`);
      if (button.dataset.address === opened) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => open(level, neuron, false));
      return node("li", "", button);
    };
    const grow = (by) => {
      const from = list.children.length;
      const chosen = Array.from(keys.subarray(Math.max(keys.length - from - by, 0), keys.length - from)).reverse();
      list.append(...chosen.map(row));
      count = list.children.length;
      more.hidden = count >= keys.length;
      status.textContent = keys.length ? `${whole(count)} of ${whole(keys.length)} neurons, most salient first` : "No neuron is salient for that here.";
    };
    more.addEventListener("click", () => {
      const from = list.children.length;
      grow(AT_ONCE);
      list.children[from].firstElementChild.focus();
    });
    list.addEventListener("keydown", (event) => {
      const by = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
      const next = by && event.target.closest("li")?.[by];
      if (!next) return;
      next.firstElementChild.focus();
      event.preventDefault();
    });
    return {
      fill: (of, codes, levels) => {
        label = of;
        models = new Set(levels.map((level) => level.model)).size;
        keys = sorted(store, codes, levels);
        list.replaceChildren();
        list.scrollTop = 0;
        grow(AT_ONCE);
      },
      first: () => (keys.length ? read(store, keys[keys.length - 1]) : null),
      opened: (address) => {
        opened = address;
        for (const button of list.querySelectorAll("button")) {
          if (button.dataset.address === address) button.setAttribute("aria-current", "true");
          else button.removeAttribute("aria-current");
        }
      },
      focus: () => (list.querySelector("[aria-current]") ?? list.querySelector("button"))?.focus(),
    };
  };
})();
