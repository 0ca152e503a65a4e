(() => {
  // What the colours mean, with counts; each entry is a button that leaves only the words of its class.
  const { node, bdi, whole } = Explorer;
  const SVG = "http://www.w3.org/2000/svg";
  const OUTLINES = ["M9 5a4 4 0 1 1-8 0a4 4 0 1 1 8 0z", "M1.5 1.5h7v7h-7z", "M5 .8L9.4 8.8H.6z", "M1.5 1.5l7 7m0-7l-7 7"];
  const AT_ONCE = 20;

  const swatch = (style, look) => {
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    Object.entries({ viewBox: "0 0 10 10", width: 11, height: 11, "aria-hidden": "true" }).forEach(([key, value]) => svg.setAttribute(key, value));
    path.setAttribute("d", OUTLINES[look.shape]);
    path.style[look.shape === 3 ? "stroke" : "fill"] = WordMap.colour(style, look);
    if (look.shape === 3) path.style.strokeWidth = "1.6";
    svg.append(path);
    return svg;
  };

  WordMap.legend = (list, changed) => {
    let colouring = null;
    let only = new Set();
    let all = false;
    const draw = () => {
      const style = getComputedStyle(list);
      const focused = document.activeElement?.dataset?.rank;
      const within = list.contains(document.activeElement);
      const ranks = colouring.values.map((_, rank) => rank);
      if (colouring.counts.get(-1)) ranks.push(-1);
      const shown = all || ranks.length <= AT_ONCE + 2 ? ranks : ranks.slice(0, AT_ONCE);
      const entries = shown.map((rank) => {
        const button = node("button", "", swatch(style, WordMap.look(colouring, rank)), " ", bdi(WordMap.className(colouring, rank)),
          " ", node("span", "quiet", whole(colouring.counts.get(rank) ?? 0)));
        button.type = "button";
        button.dataset.rank = rank;
        button.setAttribute("aria-pressed", String(only.has(rank)));
        if (only.size && !only.has(rank)) button.classList.add("off");
        button.addEventListener("click", () => {
          if (!only.delete(rank)) only.add(rank);
          draw();
          changed();
        });
        return node("li", "", button);
      });
      if (shown.length < ranks.length) {
        const more = node("button", "wordmap-others", `${ranks.length - shown.length} more`);
        more.type = "button";
        more.addEventListener("click", () => {
          all = true;
          draw();
          list.children[AT_ONCE].firstElementChild.focus();
        });
        entries.push(node("li", "", more));
      }
      list.replaceChildren(...entries);
      if (within) list.querySelector(`[data-rank="${focused}"]`)?.focus();
    };
    const again = () => { if (colouring?.number >= 0) draw(); };
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    return {
      fill: (next) => {
        if (next === colouring) return;
        colouring = next;
        only = new Set();
        all = false;
        list.hidden = colouring.number < 0;
        if (!list.hidden) draw();
      },
      // Whether the words of a class are to be seen.
      shows: (rank) => !only.size || only.has(rank),
      only: () => only.size,
      all: () => { only.clear(); again(); },
    };
  };
})();
