(() => {
  // The merges around one concept, as a drawing beside a list of links: what it joins first, what they join, a few levels up.
  const LEVELS_UP = 5;
  const SHOWN_OF_A_SIBLING = 4;
  const ROW = 30;
  const WIDE = 132;
  const SVG = "http://www.w3.org/2000/svg";

  const family = (merges, size) => {
    const parent = new Int32Array(2 * size).fill(-1);
    const leaves = new Uint32Array(2 * size).fill(1);
    for (let i = 0; i < merges.length / 2; i += 1) {
      const [one, other] = [merges[2 * i], merges[2 * i + 1]];
      parent[one] = size + i;
      parent[other] = size + i;
      leaves[size + i] = leaves[one] + leaves[other];
    }
    return { parent, leaves };
  };
  const below = (node, merges, size) => {
    const found = [];
    const open = [node];
    while (open.length) {
      const next = open.pop();
      if (next < size) found.push(next);
      else open.push(merges[2 * (next - size) + 1], merges[2 * (next - size)]);
    }
    return found;
  };

  // Rows from top to bottom and the brackets that join them; a sibling with many concepts is one row.
  Explorer.around = (level, rest, id) => {
    const { merges, heights } = rest;
    const size = level.size;
    const { parent, leaves } = family(merges, size);
    const rows = [];
    const brackets = [];
    const place = (node) => {
      if (node < size || leaves[node] > SHOWN_OF_A_SIBLING) {
        const inside = node < size ? [node] : below(node, merges, size);
        const largest = inside.reduce((best, one) => (level.tokens[one] > level.tokens[best] ? one : best));
        rows.push({ id: largest, more: inside.length - 1 });
        return { y: rows.length - 0.5, height: node < size ? null : heights[node - size], many: node >= size };
      }
      const [one, other] = [place(merges[2 * (node - size)]), place(merges[2 * (node - size) + 1])];
      return join(one, other, heights[node - size], false);
    };
    const join = (one, other, height, path) => {
      brackets.push({ from: one, to: other, height, path });
      return { y: (one.y + other.y) / 2, height };
    };
    let node = id;
    let at = place(id);
    for (let up = 0; up < LEVELS_UP && parent[node] >= 0; up += 1) {
      const above = parent[node];
      const [one, other] = [merges[2 * (above - size)], merges[2 * (above - size) + 1]];
      at = join(at, place(one === node ? other : one), heights[above - size], true);
      node = above;
    }
    return { rows, brackets, above: leaves[node] < size ? size - leaves[node] : 0 };
  };

  const shape = (name, values, names) => {
    const node = document.createElementNS(SVG, name);
    Object.entries(values).forEach(([key, value]) => node.setAttribute(key, value));
    if (names) node.setAttribute("class", names);
    return node;
  };
  const drawing = ({ rows, brackets }) => {
    const known = brackets.map((bracket) => bracket.height);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const span = high - low || 1;
    const x = (height) => (height === null ? WIDE : WIDE - 14 - ((height - low) / span) * (WIDE - 34));
    const y = (row) => row * ROW;
    const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${rows.length * ROW}`, width: WIDE, height: rows.length * ROW, preserveAspectRatio: "none", "aria-hidden": "true" }, "tree-drawing");
    for (const { from, to, height, path } of brackets) {
      for (const end of [from, to]) {
        if (end.many) svg.append(shape("path", { d: `M${x(end.height)} ${y(end.y)}H${WIDE}` }, "tree-many"));
      }
      const reach = x(height);
      svg.append(shape("path", { d: `M${x(from.height)} ${y(from.y)}H${reach}V${y(to.y)}H${x(to.height)}` }));
      if (path) svg.append(shape("path", { d: `M${x(from.height)} ${y(from.y)}H${reach}V${(y(from.y) + y(to.y)) / 2}` }, "tree-path"));
    }
    const top = brackets[brackets.length - 1];
    const middle = (y(top.from.y) + y(top.to.y)) / 2;
    svg.append(shape("path", { d: `M${x(top.height)} ${middle}H4` }, "tree-path"));
    return { svg, low, high };
  };

  Explorer.tree = (level, rest, id) => {
    if (!rest.merges.length) return null;
    const found = Explorer.around(level, rest, id);
    const { svg, low, high } = drawing(found);
    const list = Explorer.node("ol", "tree-rows", ...found.rows.map((row) => {
      const name = Explorer.bdi(level.names[row.id]);
      const here = row.id === id;
      const shown = here ? Explorer.node("strong", "tree-name", name) : Explorer.node("a", "tree-name", name);
      if (!here) shown.href = Explorer.address(level, row.id);
      const more = row.more ? Explorer.node("span", "quiet", `and ${Explorer.whole(row.more)} more`) : null;
      return Explorer.node("li", "", shown, more);
    }));
    const said = (height) => height.toLocaleString("en-US", { maximumSignificantDigits: 3 });
    const range = low === high ? `merged at height ${said(low)}` : `merges from height ${said(low)} (right) to ${said(high)} (left)`;
    const rest_ = found.above ? `; ${Explorer.whole(found.above)} concepts join further up` : "; this is the whole tree";
    return Explorer.node("div", "tree", Explorer.node("div", "tree-body", svg, list), Explorer.node("p", "quiet", range + rest_));
  };
})();
