(() => {
  // What is known of a word, as one line under the maps, and the selected words one below the other.
  const { node, bdi, whole } = Explorer;
  const AT_ONCE = 12;

  const label = (store, colouring, i) => {
    if (colouring.number < 0) return null;
    const number = colouring.ordered ? colouring.numbers[i] : null;
    const shown = number === null || number === undefined ? WordMap.className(colouring, colouring.of[i]) : String(number);
    return node("span", "quiet", bdi(colouring.name), " ", bdi(shown));
  };
  const sentence = (store, i) => {
    const context = store.context(i);
    return context ? Explorer.sentence(store.words.sentences[context[0]], context[1], context[2]) : null;
  };
  WordMap.told = (store, colouring, i) => [
    node("p", "", node("strong", "", bdi(store.text(i))), " ", label(store, colouring, i)), sentence(store, i),
  ].filter(Boolean);

  // `hooks`: at(word or nothing), every(word) for all occurrences of a word.
  WordMap.list = (box, store, hooks) => {
    const list = box.querySelector(".wordmap-list");
    const more = box.querySelector(".wordmap-more");
    let words = [];
    let colouring = null;

    const row = (i) => {
      const button = node("button", "wordmap-word", bdi(store.text(i)));
      button.type = "button";
      const times = store.alike(i).length;
      if (times > 1) button.title = `Select all ${times} of it`;
      button.addEventListener("click", () => hooks.every(i));
      button.addEventListener("focus", () => hooks.at(i));
      button.addEventListener("blur", () => hooks.at(null));
      const item = node("li", "", node("p", "", button, " ", label(store, colouring, i), times > 1 ? node("span", "quiet", ` · ${whole(times)} on the map`) : null), sentence(store, i));
      item.addEventListener("pointerenter", () => hooks.at(i));
      item.addEventListener("pointerleave", () => hooks.at(null));
      return item;
    };
    const grow = () => {
      const from = list.children.length;
      list.append(...words.slice(from, from + AT_ONCE).map(row));
      more.hidden = list.children.length >= words.length;
      return from;
    };
    more.addEventListener("click", () => list.children[grow()]?.querySelector("button").focus());
    return {
      fill: (chosen, by) => {
        [words, colouring] = [chosen, by];
        const inside = list.contains(document.activeElement);
        list.replaceChildren();
        list.hidden = !words.length;
        more.hidden = true;
        if (words.length) grow();
        if (inside) list.querySelector("button")?.focus();
      },
    };
  };
})();
