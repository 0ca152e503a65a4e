(() => {
  // What is known of a label, as one line under the drawing, and all labels as a table, what moved farthest first.
  const { node, bdi, whole } = Explorer;
  const { number } = Paths;

  const swatch = (rank) => {
    const svg = Paths.make("svg", `paths-swatch ${Paths.colour(rank)}`, { viewBox: "-6 -6 12 12", width: 12, height: 12, "aria-hidden": "true" });
    svg.append(Paths.make("path", "", { d: Paths.shape(rank, 4.4), fill: "currentColor" }));
    return svg;
  };
  Paths.told = ({ about }, layer, label, step) => {
    const apart = Math.hypot(layer.x[label][step] - layer.x[label][0], layer.y[label][step] - layer.y[label][0]);
    const distances = layer.distances[label] ?? [];
    const facts = [
      about.counts[label] === null ? "" : `${whole(about.counts[label])} points`,
      `moved ${number(apart)} by ${about.steps[step]}, ${number(layer.moved[label])} in all`,
      `path ${number(layer.lengths[label])} long`,
      distances.length ? `nearest label at ${number(distances[0])} first, ${number(distances[step])} now, ${number(distances.at(-1))} last` : "",
    ];
    const group = about.groups.length ? node("span", "quiet", bdi(about.groups[about.of[label]]), " ") : null;
    return [node("strong", "", bdi(about.names[label])), " ", group, facts.filter(Boolean).join(" · ")].filter(Boolean);
  };

  // `hooks`: at(label or nothing), pick(label).
  Paths.list = (table, { about, labels, rank }, hooks) => {
    const grouped = about.groups.length > 0;
    const counted = about.counts.some((count) => count !== null);
    let rows = [];
    const cell = (text) => node("td", "num", text);
    const row = (layer, i) => {
      const name = node("th", "", swatch(rank(i)), " ", bdi(about.names[i]));
      name.scope = "row";
      const distances = layer.distances[i];
      const made = node("tr", "", name, grouped ? node("td", "", bdi(about.groups[about.of[i]])) : null,
        counted ? cell(about.counts[i] === null ? "–" : whole(about.counts[i])) : null, cell(number(layer.moved[i])), cell(number(layer.lengths[i])),
        ...(distances ? [cell(number(distances[0])), cell(number(distances.at(-1)))] : []));
      made.addEventListener("pointerenter", () => hooks.at(i));
      made.addEventListener("pointerleave", () => hooks.at(null));
      made.addEventListener("click", () => hooks.pick(i));
      made.dataset.label = i;
      return made;
    };
    return {
      fill: (layer) => {
        const heads = ["label", grouped && "group", counted && "points", "moved", "path", ...(layer.distances.length ? ["nearest, first", "nearest, last"] : [])];
        table.caption.textContent = `layer ${layer.layer}: ${labels} labels, what moved farthest first`;
        table.tHead.replaceChildren(node("tr", "", ...heads.filter(Boolean).map((text) => {
          const head = node("th", text === "label" || text === "group" ? "" : "num", text);
          head.scope = "col";
          return head;
        })));
        rows = layer.order.map((i) => row(layer, i));
        table.tBodies[0].replaceChildren(...rows);
      },
      choose: (chosen) => rows.forEach((one) => one.classList.toggle("chosen-label", chosen.has(Number(one.dataset.label)))),
    };
  };
})();
