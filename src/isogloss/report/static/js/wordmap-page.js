(() => {
  // Joins the controls, the legend, the maps and the list: what is seen, what is selected, and the word pointed at.
  const { whole } = Explorer;
  const GROW = 0.06;

  const explore = (box) => {
    const store = WordMap.store(box);
    const { about } = store;
    const field = (name) => box.querySelector(`[name="${name}"]`);
    const readout = box.querySelector(".wordmap-readout");
    const status = box.querySelector(".explorer-status");
    const [zoom, all, clear] = [".wordmap-zoom", ".wordmap-whole", ".wordmap-clear"].map((name) => box.querySelector(name));
    const hint = readout.textContent;
    let selected = new Set();
    let near = null;
    let levels = [];
    let colouring = store.plain();
    let asked = 0;

    const hooks = {
      at: (word) => {
        panels.forEach((panel) => panel.mark(word));
        readout.classList.toggle("hinting", word === null);
        readout.replaceChildren(...(word === null ? [hint] : WordMap.told(store, colouring, word)));
      },
      pick: (word, adding) => select(word === null ? [] : [word], adding),
      box: (words, adding) => select(words, adding),
      every: (word) => select(store.alike(word)),
      clear: () => {
        hooks.at(null);
        near = null;
        field("find").value = "";
        select([]);
      },
    };
    const panels = [...box.querySelectorAll(".wordmap-panel")].map((element) => WordMap.panel(element, store, hooks));
    const list = WordMap.list(box, store, hooks);
    const legend = WordMap.legend(box.querySelector(".wordmap-legend"), () => { draw(); say(); });

    const limitsOf = (level) => {
      if (!near) return [...level.limits];
      return [level.x, level.y].flatMap((row) => {
        const values = near.map((i) => row[i]);
        const [low, high] = [Math.min(...values), Math.max(...values)];
        const air = GROW * (high - low) || 0.02 * (Math.max(...row) - Math.min(...row)) || 1;
        return [low - air, high + air];
      });
    };
    const draw = () => {
      const scale = field("scale").value;
      const limits = levels.map(limitsOf);
      if (scale === "same") {
        const most = [0, 2].map((k) => Math.max(...limits.map((one) => one[k + 1] - one[k])));
        for (const one of limits) {
          [0, 2].forEach((k, axis) => {
            const middle = (one[k] + one[k + 1]) / 2;
            [one[k], one[k + 1]] = [middle - most[axis] / 2, middle + most[axis] / 2];
          });
        }
      }
      const shown = (i) => legend.shows(colouring.of[i]);
      for (const panel of panels) {
        const number = levels.findIndex((level) => level.model === panel.model);
        panel.show({
          level: levels[number], layer: about.layers[layer()], limits: limits[number], scale, colouring, shown, selected,
          quiet: Boolean(legend.only() || selected.size),
        });
      }
    };
    const layer = () => Number(field("layer")?.value ?? about.start);
    const say = () => {
      const seen = legend.only() ? colouring.of.reduce((sum, rank) => sum + (legend.shows(rank) ? 1 : 0), 0) : store.size;
      const wanted = field("find").value.trim();
      const nothing = wanted && !store.find(wanted).length ? `; none of them is “${wanted}”` : "";
      const chosen = selected.size ? `; ${whole(selected.size)} selected` : "";
      status.textContent = `${legend.only() ? `${whole(seen)} of ` : ""}${whole(store.size)} words${chosen}${nothing}`;
      zoom.hidden = !selected.size;
      all.hidden = !near;
      clear.hidden = !selected.size;
    };
    const select = (words, adding = false) => {
      selected = new Set(adding ? [...selected, ...words] : words);
      list.fill([...selected], colouring);
      draw();
      say();
    };
    const update = async () => {
      asked += 1;
      const mine = asked;
      const [nextLevels, nextColouring] = await Promise.all([
        store.layer(about.layers[layer()]), field("colour") ? store.colouring(Number(field("colour").value)) : colouring, store.ready()]);
      if (mine !== asked) return;
      const recoloured = nextColouring !== colouring;
      [levels, colouring] = [nextLevels, nextColouring];
      legend.fill(colouring);
      if (recoloured) list.fill([...selected], colouring);
      draw();
      say();
    };

    box.querySelector(".explorer-controls").addEventListener("input", (event) => {
      const { name } = event.target;
      if (name === "layer") {
        box.querySelector(".wordmap-layer output").textContent = about.layers[layer()];
        field("layer").setAttribute("aria-valuetext", `layer ${about.layers[layer()]}`);
      }
      if (name === "find") {
        if (store.words) select(store.find(event.target.value));
      } else if (name === "scale") draw();
      else update();
    });
    field("find").addEventListener("keydown", (event) => { if (event.key === "Escape") hooks.clear(); });
    zoom.addEventListener("click", () => { near = [...selected]; draw(); say(); all.focus(); });
    all.addEventListener("click", () => { near = null; draw(); say(); (zoom.hidden ? field("find") : zoom).focus(); });
    clear.addEventListener("click", () => { hooks.clear(); field("find").focus(); });

    const start = async () => {
      box.hidden = false;
      box.closest(".figure").classList.add("explored");
      await update();
      box.dataset.ready = "";
    };
    start();
  };

  for (const box of document.querySelectorAll("[data-wordmap]")) {
    if (Explorer.possible()) explore(box);
    else box.parentElement.querySelector(".explorer-too-old").hidden = false;
  }
})();
