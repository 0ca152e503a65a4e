(() => {
  // One model's map: draws the words, finds the word under the pointer, moves from word to word by keys, draws a box.
  const AIR = 12;
  const REACH = 12;
  const DRAG = 5;
  const LABELLED = 24;
  const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // `hooks`: at(word or nothing), pick(word, adding), box(words, adding), clear().
  WordMap.panel = (element, store, hooks) => {
    const plot = element.querySelector(".wordmap-plot");
    const canvas = plot.querySelector("canvas");
    const brush = plot.querySelector(".wordmap-brush");
    const ring = plot.querySelector(".wordmap-at");
    let view = null;
    let [width, height, ratio] = [0, 0, 1];
    const px = new Float64Array(store.size);
    const py = new Float64Array(store.size);
    let at = null;
    let from = null;
    let last = "";

    const place = () => {
      const { level, limits } = view;
      const [left, right, bottom, top] = limits;
      let [sx, sy] = [(width - 2 * AIR) / (right - left || 1), (height - 2 * AIR) / (top - bottom || 1)];
      if (view.scale !== "fill") sx = sy = Math.min(sx, sy);
      const [mx, my] = [(left + right) / 2, (bottom + top) / 2];
      for (let i = 0; i < store.size; i += 1) {
        px[i] = width / 2 + (level.x[i] - mx) * sx;
        py[i] = height / 2 - (level.y[i] - my) * sy;
      }
      return [width / 2 - mx * sx, height / 2 + my * sy];
    };
    const groups = (wanted) => {
      const found = new Map();
      for (let i = 0; i < store.size; i += 1) {
        if (!wanted(i)) continue;
        const rank = view.colouring.of[i];
        if (!found.has(rank)) found.set(rank, []);
        found.get(rank).push(i);
      }
      // Rare classes lie on top, words without a class at the bottom.
      return [...found].sort(([a, some], [b, others]) => (a < 0 ? -1 : 0) - (b < 0 ? -1 : 0) || others.length - some.length);
    };
    const paintGroup = (paint, style, words, look, radius) => {
      const path = new Path2D();
      for (const i of words) WordMap.trace(path, look.shape, px[i] * ratio, py[i] * ratio, radius);
      if (look.shape === 3) {
        paint.strokeStyle = WordMap.colour(style, look);
        paint.lineWidth = 1.1 * ratio;
        paint.globalAlpha = 0.6;
        paint.stroke(path);
        paint.globalAlpha = 1;
      } else {
        paint.fillStyle = WordMap.colour(style, look);
        paint.fill(path);
      }
    };
    const names = (paint, style) => {
      const chosen = [...view.selected].filter(view.shown);
      if (!chosen.length || chosen.length > LABELLED) return;
      paint.font = `600 ${12 * ratio}px ${style.fontFamily}`;
      paint.textBaseline = "middle";
      paint.lineJoin = "round";
      paint.lineWidth = 3.5 * ratio;
      paint.strokeStyle = style.getPropertyValue("--card");
      paint.fillStyle = style.getPropertyValue("--ink");
      const taken = [];
      for (const i of chosen) {
        const text = store.text(i);
        const long = paint.measureText(text).width;
        const right = px[i] * ratio + 8 * ratio + long < width * ratio;
        const [x, y] = [px[i] * ratio + (right ? 8 * ratio : -8 * ratio - long), py[i] * ratio];
        if (taken.some(([a, b, c]) => Math.abs(b - y) < 13 * ratio && x < c && a < x + long)) continue;
        taken.push([x, y, x + long]);
        paint.strokeText(text, x, y);
        paint.fillText(text, x, y);
      }
    };
    const draw = () => {
      width = canvas.clientWidth;
      height = canvas.clientHeight;
      ratio = devicePixelRatio || 1;
      if (!width || !height || !view) return;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      const paint = canvas.getContext("2d");
      if (!view.level) return;
      const style = getComputedStyle(plot);
      const [zx, zy] = place();
      paint.strokeStyle = style.getPropertyValue("--rule");
      paint.lineWidth = ratio;
      paint.beginPath();
      paint.moveTo(Math.round(zx * ratio) + 0.5, 0);
      paint.lineTo(Math.round(zx * ratio) + 0.5, canvas.height);
      paint.moveTo(0, Math.round(zy * ratio) + 0.5);
      paint.lineTo(canvas.width, Math.round(zy * ratio) + 0.5);
      paint.stroke();
      const bright = (i) => view.shown(i) && (!view.selected.size || view.selected.has(i));
      const radius = (store.size > 800 ? 2.5 : 3.3) * ratio;
      if (view.quiet) {
        paint.globalAlpha = 0.3;
        paintGroup(paint, style, Array.from(px.keys()).filter((i) => !bright(i)), { shape: 0 }, 0.8 * radius);
        paint.globalAlpha = 1;
      }
      for (const [rank, words] of groups(bright)) {
        paintGroup(paint, style, words, WordMap.look(view.colouring, rank), view.selected.size && view.selected.size <= LABELLED ? 1.5 * radius : radius);
      }
      names(paint, style);
      mark(at);
    };
    const mark = (word) => {
      at = word;
      ring.hidden = word === null || !view?.level;
      if (ring.hidden) return;
      ring.style.left = `${px[word]}px`;
      ring.style.top = `${py[word]}px`;
      ring.firstElementChild.textContent = store.text(word);
      ring.classList.toggle("leftward", px[word] > width / 2);
      const beyond = px[word] < 0 || px[word] > width || py[word] < 0 || py[word] > height;
      ring.hidden = beyond;
    };
    const nearest = (x, y) => {
      let [best, least] = [null, REACH * REACH];
      for (let i = 0; i < store.size; i += 1) {
        const far = (px[i] - x) ** 2 + (py[i] - y) ** 2;
        if (far < least && view.shown(i)) [best, least] = [i, far];
      }
      return best;
    };
    // The word that a step in a direction leads to: the nearest within a right angle around it.
    const next = ([dx, dy]) => {
      const inside = (i) => px[i] >= 0 && px[i] <= width && py[i] >= 0 && py[i] <= height;
      const [x, y] = at === null ? [width / 2, height / 2] : [px[at], py[at]];
      let [best, least] = [at, Infinity];
      for (let i = 0; i < store.size; i += 1) {
        if (i === at || !view.shown(i) || !inside(i)) continue;
        const along = dx * (px[i] - x) + dy * (py[i] - y);
        const across = Math.abs(dy * (px[i] - x) + dx * (py[i] - y));
        if (at !== null && (along <= 0 || across > along)) continue;
        const far = at === null ? along ** 2 + across ** 2 : along + 2 * across;
        if (far < least) [best, least] = [i, far];
      }
      return best;
    };
    const spot = (event) => {
      const edge = canvas.getBoundingClientRect();
      return [event.clientX - edge.left, event.clientY - edge.top];
    };
    const span = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];

    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !view?.level) return;
      from = spot(event);
      if (event.pointerType !== "touch") plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => {
      // A pointer that rests while the page moves under it must not take the mark from the keyboard.
      const resting = last === `${event.clientX} ${event.clientY}`;
      last = `${event.clientX} ${event.clientY}`;
      if (!view?.level || resting) return;
      const here = spot(event);
      const far = from && Math.hypot(here[0] - from[0], here[1] - from[1]) > DRAG;
      if (far && event.pointerType !== "touch") {
        const [left, top, right, bottom] = span(from, here);
        Object.assign(brush.style, { left: `${left}px`, top: `${top}px`, inlineSize: `${right - left}px`, blockSize: `${bottom - top}px` });
        brush.hidden = false;
        hooks.at(null);
      } else if (brush.hidden) hooks.at(nearest(...here));
    });
    plot.addEventListener("pointerup", (event) => {
      if (!from || !view?.level) return;
      const here = spot(event);
      if (!brush.hidden) {
        const [left, top, right, bottom] = span(from, here);
        const inside = Array.from(px.keys()).filter((i) => view.shown(i) && px[i] >= left && px[i] <= right && py[i] >= top && py[i] <= bottom);
        hooks.box(inside, event.shiftKey);
      } else hooks.pick(nearest(...here), event.shiftKey);
      from = null;
      brush.hidden = true;
    });
    plot.addEventListener("pointercancel", () => { from = null; brush.hidden = true; });
    plot.addEventListener("pointerleave", () => { if (brush.hidden) hooks.at(null); });
    plot.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !view?.level) return;
      if (event.key === "Escape") hooks.clear();
      else if ((event.key === "Enter" || event.key === " ") && at !== null) hooks.pick(at, event.shiftKey);
      else if (STEPS[event.key]) hooks.at(next(STEPS[event.key]));
      else return;
      event.preventDefault();
    });
    plot.addEventListener("blur", () => hooks.at(null));
    new ResizeObserver(draw).observe(canvas);
    new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

    const share = (level, direction) => (level.shares.length ? `, ${Number((level.shares[direction - 1] / 10).toFixed(1))}% of variance` : "");
    return {
      model: element.dataset.model,
      // `next`: level or nothing, limits of what is seen, scale, colouring, shown(word), selected, quiet (some are dimmed).
      show: (next_) => {
        view = next_;
        element.querySelector(".wordmap-where").textContent = `layer ${view.layer}${view.level ? "" : ": no vectors of this layer"}`;
        element.querySelector(".wordmap-axes").textContent = view.level ? `→ direction 1${share(view.level, 1)} · ↑ direction 2${share(view.level, 2)}` : "";
        draw();
      },
      mark,
    };
  };
})();
