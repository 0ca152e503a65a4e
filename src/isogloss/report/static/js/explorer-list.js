(() => {
  // A list of any length of which only the rows in sight are in the page. Arrow keys move, Enter opens.
  const ROW = 58;
  const BEYOND = 4;

  Explorer.node = (tag, names = "", ...children) => {
    const node = document.createElement(tag);
    if (names) node.className = names;
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  // Text of the corpus: isolated, so that its direction cannot spill.
  Explorer.bdi = (text) => Explorer.node("bdi", "", text);
  Explorer.bar = (share, names = "share") => {
    const inner = Explorer.node("span", "");
    inner.style.inlineSize = `${Math.min(Math.max(share, 0), 1) * 100}%`;
    const outer = Explorer.node("span", names, inner);
    outer.setAttribute("aria-hidden", "true");
    return outer;
  };

  Explorer.list = (view, describe, open) => {
    const room = view.firstElementChild;
    let [count, active, waiting] = [0, 0, false];
    let isOpen = () => false;

    const row = (at) => {
      const node = describe(at);
      node.id = `${view.id}-${at}`;
      node.className = `concept-row${at === active ? " active" : ""}`;
      node.dataset.at = at;
      node.setAttribute("role", "option");
      node.setAttribute("aria-selected", String(isOpen(at)));
      node.setAttribute("aria-posinset", String(at + 1));
      node.setAttribute("aria-setsize", String(count));
      node.style.top = `${at * ROW}px`;
      return node;
    };
    const draw = () => {
      waiting = false;
      room.style.blockSize = `${count * ROW}px`;
      const first = Math.max(0, Math.floor(view.scrollTop / ROW) - BEYOND);
      const last = Math.min(count, Math.ceil((view.scrollTop + view.clientHeight) / ROW) + BEYOND);
      const shown = new Set(Array.from({ length: Math.max(last - first, 0) }, (_, i) => first + i));
      if (count) shown.add(active);
      room.replaceChildren(...[...shown].sort((a, b) => a - b).map(row));
      if (count) view.setAttribute("aria-activedescendant", `${view.id}-${active}`);
      else view.removeAttribute("aria-activedescendant");
    };
    const reveal = () => {
      const top = active * ROW;
      if (top < view.scrollTop) view.scrollTop = top;
      else if (top + ROW > view.scrollTop + view.clientHeight) view.scrollTop = top + ROW - view.clientHeight;
    };
    const move = (to) => {
      active = Math.min(Math.max(to, 0), count - 1);
      reveal();
      draw();
    };

    view.addEventListener("scroll", () => {
      if (!waiting) requestAnimationFrame(draw);
      waiting = true;
    });
    view.addEventListener("keydown", (event) => {
      const page = Math.max(1, Math.floor(view.clientHeight / ROW) - 1);
      const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count }[event.key];
      if (!count || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "Enter" || event.key === " ") open(active, true);
      else if (by) move(active + by);
      else return;
      event.preventDefault();
    });
    view.addEventListener("click", (event) => {
      const at = event.target.closest("[role=option]")?.dataset.at;
      if (at === undefined) return;
      active = Number(at);
      draw();
      open(active, false);
    });
    return {
      fill: (length, opened) => {
        [count, active, isOpen] = [length, 0, opened];
        view.scrollTop = 0;
        draw();
      },
      draw,
      focus: () => view.focus(),
    };
  };
})();
