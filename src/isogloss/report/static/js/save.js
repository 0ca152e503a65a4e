(() => {
  // Save a drawing as SVG (colours written into it), or its numbers as CSV; copy the command.
  const PROPERTIES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "color", "shape-rendering", "paint-order"];
  const offer = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const drawing = (figure) => {
    const source = [...figure.querySelectorAll(".plot svg")].find((svg) => svg.getBoundingClientRect().width > 0);
    const copy = source.cloneNode(true);
    const [from, to] = [source, copy].map((svg) => [...svg.querySelectorAll("*")]);
    from.forEach((node, i) => {
      const style = getComputedStyle(node);
      PROPERTIES.forEach((property) => to[i].setAttribute(property, style.getPropertyValue(property)));
      to[i].removeAttribute("class");
    });
    copy.querySelectorAll("[visibility=hidden]").forEach((node) => node.remove());
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    Object.entries({ width: "100%", height: "100%", fill: getComputedStyle(figure).backgroundColor })
      .forEach(([key, value]) => paper.setAttribute(key, value));
    copy.prepend(paper);
    return new XMLSerializer().serializeToString(copy);
  };
  // A spreadsheet takes text that begins like this for a formula; numbers with their intervals are left as they are.
  const FORMULA = /^'*(?:[=+@\uff1d\uff0b\uff0d\uff20]|-(?![\d.][\d.,e\s[\]%+-]*$))/;
  const quoted = (text) => {
    const plain = text.trim().replace(/\u2212/g, "-").replaceAll('"', '""');
    return `"${FORMULA.test(plain) ? "'" : ""}${plain}"`;
  };
  const shown = (cell) => {
    const examples = [...cell.querySelectorAll(".example")].map((example) => example.textContent);
    return examples.length ? examples.join(" | ") : cell.textContent.replace("\u2195", "");
  };
  const csv = (figure) => [...figure.querySelectorAll("table")].flatMap((table, i) => {
    const group = table.closest("[data-group]");
    return [...table.rows].slice(i ? 1 : 0).map((row, r) => {
      const first = group ? [i || r ? group.dataset.group : figure.dataset.groups] : [];
      return [...first, ...[...row.cells].map(shown)].map(quoted).join(",");
    });
  }).join("\r\n");
  for (const button of document.querySelectorAll("[data-save]")) {
    const figure = button.closest(".figure");
    const name = figure.id.replace(/^figure-/, "");
    button.hidden = false;
    button.addEventListener("click", () => {
      if (button.dataset.save === "svg") offer(`${name}.svg`, "image/svg+xml", drawing(figure));
      else offer(`${name}.csv`, "text/csv", csv(figure));
    });
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    const source = document.getElementById(button.dataset.copy);
    button.addEventListener("click", async () => {
      const said = button.textContent;
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = said; }, 1600);
    });
  }
})();
