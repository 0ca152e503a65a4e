(() => {
  // Draws the labels of one layer at one moment: grid, trails or arrows, points and names; finds the label pointed at.
  const SVG = "http://www.w3.org/2000/svg";
  const [LEFT, RIGHT, TOP, UNDER, AIR] = [46, 6, 26, 48, 30];
  const [NARROW, TALL, WIDE, TALLEST] = [500, 0.85, 0.62, 560];
  const [SERIES, SHAPES] = [6, 3];
  const [SMALLEST, LARGEST, ALIKE, TIP] = [4, 8.5, 5, 3.5];
  const [HEAD, APART, REACH, FEW] = [8, 80, 24, 24];
  const LONGEST_NAME = 24;
  const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const make = (tag, names, attributes = {}) => {
    const made = document.createElementNS(SVG, tag);
    if (names) made.setAttribute("class", names);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  };
  const px = (value) => Number(value.toFixed(2));
  const between = (a, b, t) => a + (b - a) * t;
  const shorten = (text) => (text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1).trimEnd()}…` : text);
  Paths.make = make;
  Paths.shape = (rank, r) => {
    const kind = Math.floor(rank / SERIES) % SHAPES;
    if (kind === 0) return `M${px(r)} 0A${px(r)} ${px(r)} 0 1 1 ${-px(r)} 0A${px(r)} ${px(r)} 0 1 1 ${px(r)} 0Z`;
    if (kind === 1) return `M${-px(0.9 * r)} ${-px(0.9 * r)}h${px(1.8 * r)}v${px(1.8 * r)}h${-px(1.8 * r)}Z`;
    return `M0 ${-px(1.2 * r)}L${px(1.15 * r)} ${px(0.85 * r)}H${-px(1.15 * r)}Z`;
  };
  Paths.colour = (rank) => `s${(rank % SERIES) + 1}`;

  // `hooks`: at(label or nothing), pick(label or nothing), clear().
  Paths.plot = (plot, store, hooks) => {
    const { about, labels, steps } = store;
    const svg = plot.querySelector("svg");
    const ring = plot.querySelector(".wordmap-at");
    const measure = document.createElement("canvas").getContext("2d");
    const most = Math.max(0, ...about.counts.map((count) => count ?? 0));
    const sizes = about.counts.map((count) => (most ? SMALLEST + (LARGEST - SMALLEST) * Math.sqrt((count ?? 0) / most) : ALIKE));
    const radius = (i) => sizes[i] * (width < NARROW ? 0.8 : 1) * (labels > FEW ? 0.8 : 1);
    const head = make("text", "key", { x: LEFT, y: 16 });
    const [grid, trails, heads, words] = ["paths-grid", "paths-trails", "paths-heads", "paths-names"].map((name) => make("g", name));
    svg.append(head, grid, trails, heads, words);
    const marks = about.names.map((name, i) => {
      const [rank, colour] = [store.rank(i), Paths.colour(store.rank(i))];
      const text = make("text", `label halo middle ${colour}`);
      text.textContent = shorten(name);
      return { rank, colour, trail: make("path"), ring: make("circle", `start ${colour}`, { r: 2.6 }), head: make("path"), leader: make("path", `leader ${colour}`), text };
    });
    let view = null;
    let [width, height, at, last, widths] = [0, 0, null, "", null];
    let [frame, paths, places, drawn, now] = [null, [], [], [], []];

    const layOut = () => {
      const { layer, show } = view;
      const from = (row) => (show === "directions" ? row[0] : 0);
      const places_ = layer.x.map((row, i) => row.map((x, k) => [x - from(row), layer.y[i][k] - from(layer.y[i])]));
      const flat = places_.flat();
      const ends = [0, 1].map((axis) => flat.reduce(([low, high], place) => [Math.min(low, place[axis]), Math.max(high, place[axis])], [Infinity, -Infinity]));
      const centre = ends.map(([low, high]) => low / 2 + high / 2);
      const [right, bottom] = [width - RIGHT, height - UNDER - (width < NARROW ? 18 : 0)];
      const air = AIR * (width < NARROW ? 2 / 3 : 1);
      const room = [right - LEFT - 2 * air, bottom - TOP - 2 * air];
      const units = ends.flatMap(([low, high], axis) => (high - low > 1e-280 ? [room[axis] / (high - low)] : []));
      const unit = units.length ? Math.min(...units) : 100 / (Math.max(...centre.map(Math.abs)) || 1);
      const middle = [(LEFT + right) / 2, (TOP + bottom) / 2];
      frame = { right, bottom, unit, centre, to: ([x, y]) => [middle[0] + (x - centre[0]) * unit, middle[1] - (y - centre[1]) * unit] };
      paths = places_.map((path) => path.map(frame.to));
      drawn = paths.map((path) => {
        let d = "M";
        return path.map(([x, y], k) => { d += `${k ? "L" : ""}${px(x)} ${px(y)}`; return d; });
      });
      name();
    };
    const name = () => {
      if (!widths) {
        measure.font = `600 12.5px ${getComputedStyle(svg).fontFamily}`;
        widths = marks.map((mark) => measure.measureText(mark.text.textContent).width);
      }
      const dotsAt = (step) => paths.map((path, i) => {
        const [x, y] = path[step];
        const [a, b] = path[Math.max(step - Math.max(Math.floor(steps / 10), 1), 0)];
        return { x, y, radius: view.show === "paths" ? radius(i) : TIP, width: widths[i], away: step ? Math.atan2(y - b, x - a) : 0 };
      });
      const wanted = view.layer.order.filter((i) => (view.chosen.size ? view.chosen.has(i) : view.shown(i)));
      places = Paths.places(steps, dotsAt, wanted, [LEFT + 2, TOP + 2, frame.right - 2, frame.bottom - 2]);
    };
    const rule = () => {
      const { right, bottom, unit, centre } = frame;
      const rough = APART / unit;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((one) => one >= 0.8 * rough);
      const decimals = Math.min(Math.max(0, ...[0, 1, 2, 3, 4, 5, 6].filter((d) => d === 0 || Math.abs(Number(step.toFixed(d - 1)) - step) > step * 1e-6)), 6);
      const format = new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
      const written = (value) => (step >= 1e6 || step < 1e-6 ? (value ? Number(value.toPrecision(3)).toExponential() : "0") : format.format(Math.abs(value) < step / 1e6 ? 0 : value)).replace("-", "\u2212");
      const ticks = (axis, half) => {
        const [first, end] = [Math.ceil((centre[axis] - half) / step - 1e-9), Math.floor((centre[axis] + half) / step + 1e-9)];
        return Array.from({ length: Math.min(Math.max(end - first + 1, 0), 60) }, (_, i) => (first + i) * step);
      };
      const xs = ticks(0, (right - LEFT) / 2 / unit).map((value) => [frame.to([value, 0])[0], written(value)]);
      const ys = ticks(1, (bottom - TOP) / 2 / unit).map((value) => [frame.to([0, value])[1], written(value)]);
      const lines = make("path", "grid", { d: [...xs.map(([x]) => `M${px(x)} ${TOP}V${px(bottom)}`), ...ys.map(([y]) => `M${LEFT} ${px(y)}H${px(right)}`)].join("") });
      const put = (names, text, x, y) => { const made = make("text", names, { x: px(x), y: px(y) }); made.textContent = text; return made; };
      const share = (k) => (view.layer.shares.length ? `, ${Number((view.layer.shares[k] / 10).toFixed(1))}% of variance` : "");
      const axes = [`→ direction 1${share(0)}`, `↑ direction 2${share(1)}`];
      grid.replaceChildren(lines, ...xs.map(([x, text]) => put("tick middle", text, x, bottom + 17)), ...ys.map(([y, text]) => put("tick end", text, LEFT - 7, y + 4.2)),
        make("rect", "axis", { x: LEFT, y: TOP, width: right - LEFT, height: bottom - TOP, "stroke-opacity": 0.5 }),
        ...(width < NARROW ? axes : [axes.join(" · ")]).map((text, i) => put("name", text, LEFT, bottom + 38 + 18 * i)));
    };
    const dress = () => {
      const bright = (i) => view.shown(i) && (!view.chosen.size || view.chosen.has(i));
      view.layer.order.forEach((i, rank) => {
        const faint = rank >= Paths.MUST && labels > FEW && !view.chosen.has(i) && view.show === "paths" ? " faint" : "";
        const off = bright(i) ? "" : " off";
        const mark = marks[i];
        mark.trail.setAttribute("class", `trail${view.show === "paths" ? faint : " arrow"} ${mark.colour}${off}`);
        mark.ring.setAttribute("class", `start ${mark.colour}${off}`);
        mark.head.setAttribute("class", `${view.show === "paths" ? "dot" : "head"} ${mark.colour}${off}`);
        if (view.show === "paths") mark.head.setAttribute("d", Paths.shape(mark.rank, radius(i)));
        mark.ring.setAttribute("visibility", view.show === "directions" ? "hidden" : "inherit");
      });
      // What moved farthest lies on top, and what is chosen above all.
      const order = [...view.layer.order].sort((a, b) => bright(b) - bright(a)).reverse();
      trails.replaceChildren(...order.flatMap((i) => [marks[i].trail, marks[i].ring]));
      heads.replaceChildren(...order.map((i) => marks[i].head));
      words.replaceChildren(...order.flatMap((i) => [marks[i].leader, marks[i].text]));
    };
    const arrow = (mark, [a, b], [x, y]) => {
      const far = Math.hypot(x - a, y - b);
      if (far < HEAD) {
        mark.trail.setAttribute("d", "");
        mark.head.setAttribute("d", "M2.5 0a2.5 2.5 0 1 1 -5 0a2.5 2.5 0 1 1 5 0Z");
        return;
      }
      const [ux, uy] = [(x - a) / far, (y - b) / far];
      mark.trail.setAttribute("d", `M${px(a)} ${px(b)}L${px(x - HEAD * ux)} ${px(y - HEAD * uy)}`);
      mark.head.setAttribute("d", `M0 0L${px(-HEAD * ux - 3.8 * uy)} ${px(-HEAD * uy + 3.8 * ux)}L${px(-HEAD * ux + 3.8 * uy)} ${px(-HEAD * uy - 3.8 * ux)}Z`);
    };
    const nameAt = (i, k, next, t) => {
      const [one, other] = [places[k].get(i), places[next].get(i)];
      const { text, leader } = marks[i];
      const seen = at !== i && (one || other);
      text.setAttribute("visibility", seen ? "inherit" : "hidden");
      leader.setAttribute("visibility", seen && (one ?? other).led && (other ?? one).led ? "inherit" : "hidden");
      if (!seen) return;
      const beside = (name, step) => [name.x - paths[i][step][0], name.y - paths[i][step][1]];
      const [from, to] = [beside(one ?? other, one ? k : next), beside(other ?? one, other ? next : k)];
      const [x, y] = [0, 1].map((axis) => now[i][axis] + between(from[axis], to[axis], t));
      text.setAttribute("x", px(x));
      text.setAttribute("y", px(y + 4.3));
      text.setAttribute("opacity", one && other ? 1 : px(one ? 1 - t : t));
      leader.setAttribute("d", `M${px(now[i][0])} ${px(now[i][1])}L${px(x + (now[i][0] - x) * 0.25)} ${px(y + Math.sign(now[i][1] - y) * Math.min(Math.abs(now[i][1] - y), 7))}`);
    };
    const draw = (position) => {
      if (!frame) return;
      const k = Math.min(Math.floor(position), steps - 1);
      const [next, t] = [Math.min(k + 1, steps - 1), position - k];
      now = paths.map((path) => [0, 1].map((axis) => between(path[k][axis], path[next][axis], t)));
      now.forEach(([x, y], i) => {
        const mark = marks[i];
        mark.head.setAttribute("transform", `translate(${px(x)} ${px(y)})`);
        if (view.show === "paths") mark.trail.setAttribute("d", t ? `${drawn[i][k]}L${px(x)} ${px(y)}` : drawn[i][k]);
        else arrow(mark, paths[i][0], [x, y]);
        mark.ring.setAttribute("cx", px(paths[i][0][0]));
        mark.ring.setAttribute("cy", px(paths[i][0][1]));
        nameAt(i, k, next, t);
      });
      const step = Math.round(position);
      head.textContent = `layer ${view.layer.layer}, ${step ? `${shorten(about.steps[0])} → ` : ""}${shorten(about.steps[step])}`;
      point();
    };
    const point = () => {
      ring.hidden = at === null;
      if (ring.hidden) return;
      const [x, y] = now[at].map((value, axis) => value * (svg.clientWidth / width || 1) + (axis ? svg.offsetTop ?? 0 : 0));
      ring.style.left = `${x}px`;
      ring.style.top = `${y}px`;
      ring.firstElementChild.textContent = about.names[at];
      ring.classList.toggle("leftward", x > svg.clientWidth / 2);
    };
    const measured = () => {
      const room = plot.clientWidth;
      if (!room || room === width) return;
      width = room;
      height = Math.round(Math.min(TOP + (width - LEFT - RIGHT) * (width < NARROW ? TALL : WIDE), TALLEST)) + UNDER + (width < NARROW ? 18 : 0);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("width", width);
      svg.setAttribute("height", height);
    };
    const nearest = (event) => {
      const edge = svg.getBoundingClientRect();
      const [x, y] = [(event.clientX - edge.left) * (width / edge.width), (event.clientY - edge.top) * (width / edge.width)];
      let [best, least] = [null, REACH];
      now.forEach(([a, b], i) => {
        const far = Math.hypot(a - x, b - y);
        if (far < least && view.shown(i)) [best, least] = [i, far];
      });
      return best;
    };
    // The label that a step in a direction leads to: the nearest within a right angle around it.
    const next = ([dx, dy]) => {
      const [x, y] = at === null ? [width / 2, height / 2] : now[at];
      let [best, least] = [at, Infinity];
      now.forEach(([a, b], i) => {
        if (i === at || !view.shown(i)) return;
        const [along, across] = [dx * (a - x) + dy * (b - y), Math.abs(dy * (a - x) + dx * (b - y))];
        if (at !== null && (along <= 0 || across > along)) return;
        const far = at === null ? Math.hypot(along, across) : along + 2 * across;
        if (far < least) [best, least] = [i, far];
      });
      return best;
    };
    svg.addEventListener("pointermove", (event) => {
      // A pointer that rests while the labels move under it must not take the mark from the keyboard.
      const resting = last === `${event.clientX} ${event.clientY}`;
      last = `${event.clientX} ${event.clientY}`;
      if (view && !resting) hooks.at(nearest(event));
    });
    svg.addEventListener("pointerleave", () => hooks.at(null));
    svg.addEventListener("click", (event) => { if (view) hooks.pick(nearest(event)); });
    plot.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !view) return;
      if (event.key === "Escape") hooks.clear();
      else if (event.key === "Enter" && at !== null) hooks.pick(at);
      else if (STEPS[event.key]) hooks.at(next(STEPS[event.key]));
      else return;
      event.preventDefault();
    });
    plot.addEventListener("blur", () => hooks.at(null));

    return {
      // `layer`, `show`, `shown(label)`, `chosen`: all that does not change from moment to moment.
      show: (next_) => {
        const anew = view?.layer !== next_.layer || view.show !== next_.show;
        view = next_;
        if (!width) measured();
        if (!width) return;
        if (anew || !frame) {
          layOut();
          rule();
        } else name();
        dress();
      },
      resized: () => {
        const before = width;
        measured();
        if (!view || width === before) return false;
        layOut();
        rule();
        dress();
        return true;
      },
      draw,
      mark: (label, position) => { at = label; draw(position); },
      says: (text) => svg.setAttribute("aria-label", text),
    };
  };
})();
