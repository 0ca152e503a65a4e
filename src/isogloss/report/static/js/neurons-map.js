(() => {
  // The map: base above tuned, a row per layer, neurons from left to right. Narrow columns show their most salient neuron.
  const SIDE = 30;
  const HEAD = 24;
  const BETWEEN = 10;
  const [LEAST, MOST, WANTED] = [8, 20, 200];
  const SHADES = 256;
  const TURN = 0.6;
  const REACH = 2;
  const PAGE = 32;

  const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.trim().slice(at, at + 2), 16));
  const mixed = (one, other, part) => one.map((value, i) => Math.round(value + (other[i] - value) * part));
  // From nothing over the accent to the ink, so that lightness only falls (or only rises) on either paper.
  const shades = (style) => {
    const [none, middle, full] = ["--sunk", "--accent", "--ink"].map((name) => rgb(style.getPropertyValue(name)));
    const bytes = new Uint8ClampedArray(4 * SHADES);
    for (let i = 0; i < SHADES; i += 1) {
      const at = i / (SHADES - 1);
      bytes.set([...(at < TURN ? mixed(none, middle, at / TURN) : mixed(middle, full, (at - TURN) / (1 - TURN))), 255], 4 * i);
    }
    return new Uint32Array(bytes.buffer);
  };

  Neurons.map = (plot, store, { read, open }) => {
    const canvas = plot.querySelector("canvas");
    const [cursor, here] = plot.querySelectorAll(".neuron-cursor, .neuron-here");
    const models = [...new Set(store.levels.map((level) => level.model))];
    const tallest = Math.max(...models.map((model) => store.levels.filter((level) => level.model === model).length));
    const high = Math.min(Math.max(Math.round(WANTED / tallest), LEAST), MOST);
    let shown = null;
    let at = null;
    let opened = null;
    let note = "";
    let [width, ratio] = [0, 1];

    // Levels from top to bottom, each with the upper edge of its row.
    const rows = [];
    const heads = [];
    let height = 0;
    for (const model of models) {
      heads.push({ model, top: height });
      height += HEAD;
      for (const level of store.levels.filter((one) => one.model === model)) {
        rows.push({ level, top: height });
        height += high;
      }
      height += BETWEEN;
    }
    canvas.style.blockSize = `${height}px`;

    // Pixels of the screen that a level's neurons fill: the same whole number each, where that leaves little room over.
    const room = () => Math.max(Math.floor((width - SIDE) * ratio), 1);
    const extent = (size) => {
      const even = Math.floor(room() / size) * size;
      return even >= 0.8 * room() ? even : room();
    };
    const cell = ({ level }, neuron) => {
      const scale = extent(level.size) / level.size / ratio;
      return { left: SIDE + neuron * scale, wide: scale };
    };
    const line = ({ level }, colours, image, thick) => {
      const codes = shown[level.number];
      const pixels = new Uint32Array(image.data.buffer);
      for (let x = 0; x < image.width; x += 1) {
        const first = Math.floor((x * level.size) / image.width);
        const last = Math.max(Math.floor(((x + 1) * level.size) / image.width), first + 1);
        let most = 0;
        for (let i = first; i < last; i += 1) if (codes[i] > most) most = codes[i];
        pixels[x] = colours[Math.round((most * (SHADES - 1)) / store.steps)];
      }
      for (let y = 1; y < thick; y += 1) pixels.copyWithin(y * image.width, 0, image.width);
    };
    const draw = () => {
      width = canvas.clientWidth;
      ratio = devicePixelRatio || 1;
      if (!width || !shown) return;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      const style = getComputedStyle(plot);
      const paint = canvas.getContext("2d");
      const colours = shades(style);
      const step = Math.ceil(14 / high);
      paint.textBaseline = "middle";
      for (const { model, top } of heads) {
        paint.font = `600 ${13 * ratio}px ${style.fontFamily}`;
        paint.textAlign = "left";
        paint.fillStyle = style.getPropertyValue("--ink");
        paint.fillText(model + note, SIDE * ratio, (top + HEAD / 2) * ratio);
      }
      paint.font = `${12 * ratio}px ${style.fontFamily}`;
      paint.fillStyle = style.getPropertyValue("--soft");
      paint.textAlign = "right";
      rows.forEach((row, i) => {
        const y = Math.round(row.top * ratio);
        const thick = Math.max(Math.round((row.top + high) * ratio) - y - Math.round(ratio), 1);
        const image = paint.createImageData(extent(row.level.size), thick);
        line(row, colours, image, thick);
        paint.putImageData(image, SIDE * ratio, y);
        const first = i === 0 || rows[i - 1].level.model !== row.level.model;
        if (first || row.level.layer % step === 0) paint.fillText(row.level.layer, (SIDE - 7) * ratio, y + thick / 2 + ratio / 2);
      });
      mark(cursor, at);
      mark(here, opened);
    };
    const mark = (box, place) => {
      box.hidden = !place;
      if (!place) return;
      const row = rows[place.row];
      const { left, wide } = cell(row, place.neuron);
      const broad = Math.max(wide, 3) + 4;
      Object.assign(box.style, { left: `${left + wide / 2 - broad / 2}px`, top: `${row.top - 2}px`, inlineSize: `${broad}px`, blockSize: `${high + 3}px` });
    };
    const go = (place) => {
      at = place;
      mark(cursor, at);
      read(at && { level: rows[at.row].level, neuron: at.neuron });
    };
    const near = (event) => {
      const edge = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - edge.left, event.clientY - edge.top];
      const found = rows.findIndex((row) => y >= row.top && y < row.top + high);
      if (found < 0) return null;
      const { level } = rows[found];
      const scale = level.size / (extent(level.size) / ratio);
      if (x < SIDE - REACH || (x - SIDE) * scale > level.size + REACH * scale) return null;
      const exact = Math.min(Math.max(Math.floor((x - SIDE) * scale), 0), level.size - 1);
      // What is too thin to hit is found near by: the most salient within a few pixels.
      const reach = scale < 0.5 ? 0 : Math.ceil(REACH * scale);
      const codes = shown[level.number];
      let best = exact;
      for (let i = Math.max(exact - reach, 0); i <= Math.min(exact + reach, level.size - 1); i += 1) {
        if (codes[i] > codes[best]) best = i;
      }
      return { row: found, neuron: best };
    };
    canvas.addEventListener("pointermove", (event) => { if (shown) go(near(event)); });
    canvas.addEventListener("pointerleave", () => go(null));
    canvas.addEventListener("click", (event) => {
      const place = shown && near(event);
      if (place) open(rows[place.row].level, place.neuron, false);
    });
    plot.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !shown) return;
      if (event.key === "Escape") { go(null); return; }
      const start = at ?? opened ?? { row: rows.length - 1, neuron: 0 };
      const size = rows[start.row].level.size;
      if ((event.key === "Enter" || event.key === " ") && at) open(rows[at.row].level, at.neuron, true);
      else {
        const [down, by] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [0, -PAGE],
          PageDown: [0, PAGE], Home: [0, -size], End: [0, size] }[event.key] ?? [0, 0];
        if (!down && !by) return;
        const row = Math.min(Math.max(start.row + (at ? down : 0), 0), rows.length - 1);
        go({ row, neuron: Math.min(Math.max(start.neuron + (at ? by : 0), 0), rows[row].level.size - 1) });
      }
      event.preventDefault();
    });
    plot.addEventListener("blur", () => go(null));
    new ResizeObserver(draw).observe(canvas);
    new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    return {
      // `codes`: for each level, what to show of each neuron; `said`: what of them, where it is not all.
      show: (codes, said) => { [shown, note] = [codes, said]; draw(); },
      opened: (level, neuron) => {
        opened = { row: rows.findIndex((row) => row.level === level), neuron };
        mark(here, opened);
      },
    };
  };
})();
