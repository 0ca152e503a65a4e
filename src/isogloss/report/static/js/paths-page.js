(() => {
  // Joins the sliders, the drawing and the table, and plays the steps one after another.
  const { bdi } = Explorer;
  const [WHOLE, SHORTEST, LONGEST, EASED, JUMP] = [9000, 150, 1200, 400, 400];
  const [FRAME, REST] = [100, 60];

  const explore = (box) => {
    const store = Paths.store(box);
    const { about, steps } = store;
    const field = (name) => box.querySelector(`[name="${name}"]`);
    const play = box.querySelector(".paths-play");
    const readout = box.querySelector(".paths-readout");
    const clear = box.querySelector(".paths-clear");
    const hint = readout.textContent;
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const end = steps - 1;
    let [layer, position, playing, before, at, asked] = [null, end, false, 0, null, 0];
    let chosen = new Set();
    let waiting = 0;

    const number = () => Number(field("layer")?.value ?? about.layers.length - 1);
    const step = () => Math.round(position);
    const say = () => {
      readout.classList.toggle("hinting", at === null);
      readout.replaceChildren(...(at === null ? [hint] : Paths.told(store, layer, at, step())));
      clear.hidden = !chosen.size;
    };
    const describe = () => {
      const far = layer.order.slice(0, 3).map((i) => `${about.names[i]} ${Paths.number(layer.moved[i])}`).join(", ");
      plot.says(`Layer ${layer.layer}, ${about.steps[0]} to ${about.steps[step()]}. In all, what moved farthest: ${far}`);
    };
    const hooks = {
      at: (label) => {
        if (label === at) return;
        at = label;
        plot.mark(at, position);
        say();
      },
      pick: (label) => {
        if (label === null) chosen = new Set();
        else if (!chosen.delete(label)) chosen.add(label);
        show();
      },
      clear: () => {
        at = null;
        chosen = new Set();
        show();
      },
    };
    const plot = Paths.plot(box.querySelector(".paths-plot"), store, hooks);
    const list = Paths.list(box.querySelector(".paths-table"), store, hooks);
    const legend = WordMap.legend(box.querySelector(".wordmap-legend"), () => show());

    const show = () => {
      plot.show({ layer, show: field("show").value, shown: (i) => legend.shows(about.of[i]), chosen });
      plot.mark(at, position);
      list.choose(chosen);
      say();
    };
    const slide = () => {
      field("step").value = step();
      field("step").setAttribute("aria-valuetext", about.steps[step()]);
      box.querySelector(".paths-step output").replaceChildren(bdi(about.steps[step()]));
    };
    const go = (to) => {
      const moved = step() !== Math.round(to);
      position = to;
      plot.draw(position);
      if (!moved) return;
      slide();
      if (at !== null) say();
    };

    const each = () => Math.min(Math.max(WHOLE / end, still.matches ? JUMP : SHORTEST), LONGEST);
    let along = 0;
    const eased = (place) => {
      const [k, t] = [Math.floor(place), place % 1];
      if (still.matches) return k;
      return k + (each() >= EASED ? t * t * (3 - 2 * t) : t);
    };
    // The first frame may be older than the press of the button.
    const run = (time) => {
      if (!playing) return;
      along = Math.min(along + Math.min(Math.max(time - before, 0), FRAME) / each(), end);
      before = Math.max(before, time);
      go(eased(along));
      if (along >= end) stop();
      else requestAnimationFrame(run);
    };
    const stop = () => {
      playing = false;
      readout.setAttribute("aria-live", "polite");
      play.textContent = "Play";
      describe();
    };
    const start = () => {
      along = position >= end ? 0 : position;
      playing = true;
      readout.setAttribute("aria-live", "off");
      play.textContent = "Pause";
      before = performance.now();
      go(along);
      requestAnimationFrame(run);
    };
    const toggle = () => {
      if (!playing) start();
      else {
        stop();
        go(step());
      }
    };

    const update = async () => {
      asked += 1;
      const mine = asked;
      const found = await store.layer(number());
      if (mine !== asked) return;
      layer = found;
      if (field("layer")) {
        box.querySelector(".paths-layer output").textContent = layer.layer;
        field("layer").setAttribute("aria-valuetext", `layer ${layer.layer}`);
      }
      show();
      describe();
      // The table can wait until a slider that is being moved rests.
      clearTimeout(waiting);
      waiting = setTimeout(() => { list.fill(layer); list.choose(chosen); box.dataset.ready = ""; }, REST);
    };
    box.querySelector(".paths-controls").addEventListener("input", (event) => {
      if (event.target.name === "layer") update();
      else if (event.target.name === "show") show();
      else {
        if (playing) stop();
        go(Number(event.target.value));
        describe();
      }
    });
    play.addEventListener("click", toggle);
    clear.addEventListener("click", () => { hooks.clear(); play.focus(); });
    box.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.closest("button, select, summary") || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      toggle();
    });

    const open = async () => {
      box.hidden = false;
      box.closest(".figure").classList.add("explored");
      const counts = new Map(about.groups.map((_, rank) => [rank, about.of.filter((of) => of === rank).length]));
      legend.fill({ number: about.groups.length - 1, values: about.groups, ordered: false, counts });
      slide();
      await update();
      new ResizeObserver(() => { if (plot.resized()) plot.draw(position); }).observe(box.querySelector(".paths-plot"));
    };
    open();
  };

  for (const box of document.querySelectorAll("[data-paths]")) {
    if (Explorer.possible()) explore(box);
    else box.parentElement.querySelector(".explorer-too-old").hidden = false;
  }
})();
