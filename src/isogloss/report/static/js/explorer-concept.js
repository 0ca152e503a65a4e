(() => {
  // One concept: what it holds, where it stands, and the way to its relatives.
  const { node, bdi, bar, whole, percent } = Explorer;
  const SENTENCES_SHOWN = 4;
  const AROUND = 110;

  Explorer.section = (title, ...content) => (content.some(Boolean)
    ? node("section", "concept-part", node("h5", "", title), ...content) : null);

  const shares = (store, level, id) => {
    const { classes, priors } = store.about;
    if (!classes.length) return null;
    const rows = classes.map((name, i) => {
      const share = level.shares[id * classes.length + i];
      const track = bar(share, `share wide${level.polar[id] === i ? " polar" : ""}`);
      if (priors.length) {
        const tick = node("i", "prior");
        tick.style.insetInlineStart = `${priors[i] / 10}%`;
        track.append(tick);
      }
      const said = priors.length ? node("span", "quiet", `of all: ${percent(priors[i] / 1000)}`) : null;
      return node("li", "", node("span", "class-name", bdi(name)), track, node("span", "number", percent(share)), said);
    });
    const key = priors.length ? node("p", "quiet", "The upright mark is the share of the class among all words.") : null;
    return node("div", "", node("ul", "class-shares", ...rows), key);
  };

  const words = (store, level, id) => {
    const rows = [];
    for (let at = level.wordsAt[id]; at < level.wordsAt[id + 1]; at += 1) {
      rows.push(node("li", "", bdi(store.words.shown[level.words[at]]), " ", node("span", "quiet", whole(level.counts[at]))));
    }
    if (!rows.length) return null;
    const list = node("ul", "concept-words", ...rows);
    // It scrolls, so the keyboard must reach it.
    list.tabIndex = 0;
    return list;
  };

  // Places in a sentence are counted in characters, not in UTF-16 units.
  Explorer.sentence = (text, start, end, before = null) => {
    const letters = Array.from(text);
    const [from, to] = [Math.max(0, start - AROUND), Math.min(letters.length, end + AROUND)];
    const piece = (a, b) => letters.slice(a, b).join("");
    return node("p", "example", before, node("bdi", "",
      (from > 0 ? "… " : "") + piece(from, start), node("mark", "", piece(start, end)), piece(end, to) + (to < letters.length ? " …" : "")));
  };
  // A few sentences at once, the others on demand; each is made when it is shown.
  Explorer.examples = (made) => {
    if (!made.length) return null;
    const box = node("div", "", ...made.slice(0, SENTENCES_SHOWN).map((make) => make()));
    if (made.length > SENTENCES_SHOWN) {
      const more = node("details", "", node("summary", "", `${made.length - SENTENCES_SHOWN} more`));
      more.addEventListener("toggle", () => more.append(...made.slice(SENTENCES_SHOWN).map((make) => make())), { once: true });
      box.append(more);
    }
    return box;
  };
  const contexts = (rest, sentences, id) => {
    const shown = [];
    for (let at = rest.contextsAt[id]; at < rest.contextsAt[id + 1]; at += 3) {
      const [place, start, end] = rest.contexts.slice(at, at + 3);
      shown.push(() => Explorer.sentence(sentences[place], start, end));
    }
    return Explorer.examples(shown);
  };

  const relatives = (store, level, rest, other, id) => {
    if (!other) return null;
    const rows = [];
    for (let at = rest.linksAt[id]; at < rest.linksAt[id + 1]; at += 1) {
      const to = rest.links[at];
      const link = node("a", "", bdi(other.names[to]));
      link.href = Explorer.address(other, to);
      const fate = store.about.fates[other.fates[to]] || "";
      rows.push(node("li", "", bar(rest.linkShares[at]), node("span", "number", percent(rest.linkShares[at])), node("span", "", link, " ", node("span", "quiet", fate))));
    }
    return rows.length ? node("ul", "relatives", ...rows) : node("p", "quiet", `No concept of the ${other.model} model holds much of it.`);
  };

  Explorer.fact = (name, value) => node("div", "", node("dt", "", name), node("dd", "", value));

  // The nodes of an open concept: `level` and `other` are opened levels, `rest` what else is known of `level`.
  Explorer.concept = (store, { level, rest, other, sentences, id }) => {
    const { about } = store;
    const title = node("h4", "concept-name", bdi(level.names[id]));
    title.tabIndex = -1;
    const link = node("a", "", "link to it");
    link.href = Explorer.address(level, id);
    const labels = [];
    for (let at = level.labelsAt[id]; at < level.labelsAt[id + 1]; at += 1) {
      const [family, ...value] = about.labels[level.labels[at]].split("=");
      labels.push(node("li", "", node("span", "quiet", bdi(family)), value.length ? " " : null, value.length ? bdi(value.join("=")) : null));
    }
    const polar = level.polar[id] >= 0 ? bdi(about.classes[level.polar[id]]) : null;
    const away = level.model === "base" ? "What became of it in the tuned model" : "Where it comes from in the base model";
    return { title, content: [
      node("p", "eyebrow", node("span", `model-name ${level.model}`, level.model), ` layer ${level.layer}, concept ${id} `, link),
      title,
      node("dl", "concept-facts", ...[
        Explorer.fact("tokens", whole(level.tokens[id])),
        Explorer.fact("different words", whole(level.types[id])),
        level.cohesion[id] === null ? null : Explorer.fact("cohesion", String(Number(level.cohesion[id].toFixed(3)))),
        level.fates[id] >= 0 ? Explorer.fact("fate", about.fates[level.fates[id]]) : null,
        polar ? Explorer.fact("polar for", polar) : null,
      ].filter(Boolean)),
      labels.length ? node("ul", "concept-labels", ...labels) : null,
      Explorer.section("Words", words(store, level, id)),
      Explorer.section("Share of its words in each class", shares(store, level, id)),
      Explorer.section(away, relatives(store, level, rest, other, id)),
      Explorer.section("In its sentences", contexts(rest, sentences, id)),
      Explorer.section("The tree around it", Explorer.tree(level, rest, id)),
    ].filter(Boolean) };
  };
})();
