(() => {
  // Point at a drawing, or focus it and use the arrow keys, to read its numbers; they come from the table under it.
  const SVG = "http://www.w3.org/2000/svg";
  const numbers = (text) => text.split(" ").filter(Boolean).map(Number);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const kinds = {
    lines(drawing, table) {
      const xs = numbers(drawing.dataset.x);
      const [, top, , bottom] = numbers(drawing.dataset.box);
      const rows = [...table.tBodies[0].rows];
      const heads = [...table.tHead.rows[0].cells].slice(1);
      const nearest = (x) => xs.reduce((best, at, i) => (Math.abs(at - x) < Math.abs(xs[best] - x) ? i : best), 0);
      return {
        size: [1, xs.length],
        cursor: "path",
        at: (x) => [0, nearest(x)],
        mark: (node, [, i]) => {
          node.setAttribute("class", "cursor");
          node.setAttribute("d", `M${xs[i]} ${top}V${bottom}`);
        },
        anchor: ([, i]) => [xs[i], top],
        title: ([, i]) => `${table.tHead.rows[0].cells[0].textContent.trim()} ${rows[i].cells[0].textContent.trim()}`,
        pairs: ([, i]) => heads.map((head, c) => [head, rows[i].cells[c + 1].textContent.trim()]).filter(([, v]) => v !== "–"),
      };
    },
    heatmap(drawing, table) {
      const [left, top, right, bottom] = numbers(drawing.dataset.box);
      const [n, m] = numbers(drawing.dataset.shape);
      const [wide, high] = [(right - left) / m, (bottom - top) / n];
      const [rowName, columnName] = (table.dataset.names || "|").split("|");
      const named = (name, cell) => `${name} ${cell.textContent.trim()}`.trim();
      return {
        size: [n, m],
        cursor: "rect",
        at: (x, y) => [clamp(Math.floor((y - top) / high), 0, n - 1), clamp(Math.floor((x - left) / wide), 0, m - 1)],
        inside: (x, y) => x >= left && x <= right && y >= top && y <= bottom,
        mark: (node, [r, c]) => {
          node.setAttribute("class", "cursor-cell");
          Object.entries({ x: left + c * wide, y: top + r * high, width: wide, height: high })
            .forEach(([key, value]) => node.setAttribute(key, value));
        },
        anchor: ([r, c]) => [left + (c + 1) * wide, top + r * high],
        title: ([r, c]) => table.tBodies[0].rows[r].cells[c + 1].textContent.trim(),
        pairs: ([r, c]) => [
          [null, named(rowName, table.tBodies[0].rows[r].cells[0])],
          [null, named(columnName, table.tHead.rows[0].cells[c + 1])],
        ],
      };
    },
    bars(drawing, table) {
      const [left, top, right, bottom] = numbers(drawing.dataset.box);
      const [count, way] = [parseInt(drawing.dataset.shape, 10), drawing.dataset.shape.split(" ")[1]];
      const lying = way === "rows";
      const step = (lying ? bottom - top : right - left) / count;
      const rows = [...table.tBodies[0].rows];
      const heads = [...table.tHead.rows[0].cells].slice(1);
      const index = ([r, c]) => (lying ? r : c);
      const place = (i) => (lying ? [i, 0] : [0, i]);
      return {
        size: lying ? [count, 1] : [1, count],
        cursor: "rect",
        at: (x, y) => place(clamp(Math.floor(((lying ? y - top : x - left)) / step), 0, count - 1)),
        inside: (x, y) => x >= left && x <= right && y >= top && y <= bottom,
        mark: (node, at) => {
          node.setAttribute("class", "cursor-bar");
          const from = (lying ? top : left) + index(at) * step;
          const box = lying ? { x: left, y: from, width: right - left, height: step } : { x: from, y: top, width: step, height: bottom - top };
          Object.entries(box).forEach(([key, value]) => node.setAttribute(key, value));
        },
        anchor: (at) => (lying ? [left + (right - left) * 0.55, top + (index(at) + 1) * step] : [left + (index(at) + 1) * step, top]),
        title: (at) => `${table.tHead.rows[0].cells[0].textContent.trim()} ${rows[index(at)].cells[0].textContent.trim()}`.trim(),
        pairs: (at) => heads.map((head, c) => [head, rows[index(at)].cells[c + 1].textContent.trim()]).filter(([, v]) => v !== "–"),
      };
    },
  };

  for (const plot of document.querySelectorAll(".plot[data-kind]")) {
    const table = plot.closest(".figure").querySelector("table.grid-table");
    if (!table || !table.tBodies[0].rows.length) continue;
    const readout = plot.querySelector(".readout");
    const views = [...plot.querySelectorAll("svg")].map((drawing) => {
      const view = kinds[plot.dataset.kind](drawing, table);
      const node = document.createElementNS(SVG, view.cursor);
      drawing.append(node);
      return { drawing, node, ...view };
    });
    const visible = () => views.find((view) => view.drawing.getBoundingClientRect().width > 0);
    let place = null;

    const hide = () => {
      views.forEach((view) => view.node.removeAttribute("class"));
      views.forEach((view) => view.node.setAttribute("visibility", "hidden"));
      readout.replaceChildren();
    };
    const show = (view, at) => {
      place = at;
      view.node.setAttribute("visibility", "visible");
      view.mark(view.node, at);
      const title = document.createElement("strong");
      title.textContent = view.title(at);
      readout.replaceChildren(title, ...view.pairs(at).map(([head, value]) => {
        const row = document.createElement("div");
        row.className = "pair";
        const label = document.createElement("span");
        label.textContent = head ? head.textContent.trim() : value;
        row.append(label);
        if (head) row.append(Object.assign(document.createElement("span"), { textContent: value }));
        return row;
      }));
      const [x, y] = view.anchor(at);
      const box = view.drawing.viewBox.baseVal;
      const outer = plot.getBoundingClientRect();
      const inner = view.drawing.getBoundingClientRect();
      const px = inner.left - outer.left + (x / box.width) * inner.width;
      const py = inner.top - outer.top + (y / box.height) * inner.height;
      const width = readout.offsetWidth;
      const leftSide = px + 12 + width > outer.width;
      readout.style.left = `${clamp(leftSide ? px - width - 12 : px + 12, 0, Math.max(outer.width - width, 0))}px`;
      readout.style.top = `${Math.max(py, 0)}px`;
    };

    for (const view of views) {
      view.drawing.addEventListener("pointermove", (event) => {
        const inner = view.drawing.getBoundingClientRect();
        const box = view.drawing.viewBox.baseVal;
        const x = ((event.clientX - inner.left) / inner.width) * box.width;
        const y = ((event.clientY - inner.top) / inner.height) * box.height;
        if (view.inside && !view.inside(x, y)) hide();
        else show(view, view.at(x, y));
      });
      view.drawing.addEventListener("pointerleave", hide);
    }
    hide();
    plot.tabIndex = 0;
    plot.addEventListener("keydown", (event) => {
      const view = visible();
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (event.key === "Escape") return hide();
      const [along, across] = step && step[0] ? [0, 1] : [1, 0];
      if (!view || !step || (view.size[along] === 1 && view.size[across] > 1)) return;
      event.preventDefault();
      const from = place || step.map((by) => (by ? -by : 0));
      show(view, [0, 1].map((axis) => clamp(from[axis] + step[axis], 0, view.size[axis] - 1)));
    });
    plot.addEventListener("blur", hide);
  }
})();
