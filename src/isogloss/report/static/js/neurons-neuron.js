(() => {
  // One neuron: what it is salient for, its ranks, the words it is highest and lowest on, and the way to its twin.
  const { node, bdi, bar, whole } = Explorer;

  const told = (store, label, level, neuron) => {
    const rank = store.rank(label, level, neuron);
    const name = store.about.labels[label];
    return rank ? `rank ${whole(rank)} of ${whole(level.size)} for ${name}` : `no saliency for ${name}`;
  };
  Neurons.readout = (store, label, level, neuron) => `${level.model}, layer ${level.layer}, neuron ${neuron}: ${told(store, label, level, neuron)}`;

  const chips = (store, level, neuron) => {
    const { labels, values } = store.about;
    const rows = store.salient(level, neuron).map(([label, value]) => node("li", "",
      node("span", "quiet", bdi(labels[label])), " ", bdi(values[label][value])));
    return rows.length ? node("ul", "concept-labels", ...rows) : null;
  };

  // A table: a row per label; its saliency and its rank by each method, or by saliency alone for a neuron without a page.
  const ranks = (store, chosen, level, neuron, rest) => {
    const { labels, methods } = store.about;
    const place = store.place(level, neuron);
    const known = place >= 0 && methods.length > 0;
    const cell = (text, tag = "td") => node(tag, "num", text);
    const of = (label, method) => rest.ranks[(place * labels.length + label) * methods.length + method];
    const columns = known ? methods : ["rank"];
    const head = node("tr", "", node("th", "", "label"), cell("saliency", "th"), ...columns.map((name) => cell(bdi(name), "th")));
    const body = labels.map((name, label) => {
      const share = store.share(label, level, neuron);
      const own = store.rank(label, level, neuron);
      const shown = known ? methods.map((_, method) => of(label, method) + 1) : [own];
      const row = node("tr", label === chosen ? "chosen-label" : "", node("th", "", bdi(name)),
        node("td", "num", Neurons.saliency(share), " ", bar(share)), ...shown.map((rank) => cell(rank > 0 ? whole(rank) : "–")));
      row.firstElementChild.scope = "row";
      return row;
    });
    for (const heading of head.children) heading.scope = "col";
    const table = node("table", "neuron-ranks", node("thead", "", head), node("tbody", "", ...body));
    const scroll = node("div", "scroll", table);
    Object.assign(scroll, { tabIndex: 0, role: "region", ariaLabel: "Its rank for each label" });
    return node("div", "", scroll, node("p", "quiet", `Ranks among the ${whole(level.size)} neurons of the layer; 1 is first.`));
  };

  const words = (vocabulary, rest, place, sign) => {
    const found = [];
    for (let at = rest.wordsAt[place]; at < rest.wordsAt[place + 1]; at += 3) {
      const [word, mean, count] = rest.words.slice(at, at + 3);
      if (Math.sign(mean) === sign) found.push({ word, mean, count });
    }
    if (!found.length) return null;
    const most = Math.max(...found.map(({ mean }) => Math.abs(mean)));
    const list = node("ul", "neuron-words", ...found.map(({ word, mean, count }) => node("li", "",
      node("span", "number", Neurons.deviations(mean)), bar(Math.abs(mean) / most, `share ${sign > 0 ? "above" : "below"}`),
      node("span", "neuron-word", bdi(vocabulary[word]), " ", node("span", "quiet", `× ${whole(count)}`)))));
    list.tabIndex = 0;
    return list;
  };
  const sides = (vocabulary, rest, place) => {
    const columns = [[1, "Highest on"], [-1, "Lowest on"]].map(([sign, title]) => Explorer.section(title, words(vocabulary, rest, place, sign)));
    return columns.some(Boolean) ? node("div", "neuron-sides", ...columns) : null;
  };

  const contexts = (rest, sentences, place) => {
    const made = [];
    for (let at = rest.contextsAt[place]; at < rest.contextsAt[place + 1]; at += 4) {
      const [sentence, start, end, value] = rest.contexts.slice(at, at + 4);
      made.push(() => Explorer.sentence(sentences[sentence], start, end, node("span", "activation number", Neurons.deviations(value))));
    }
    return Explorer.examples(made);
  };

  // The nodes of an open neuron: `rest` what is known of the level's neurons with a page, `label` the chosen one.
  Neurons.neuron = (store, { level, neuron, label, rest, vocabulary, sentences }) => {
    const place = store.place(level, neuron);
    const other = store.across(level);
    const title = node("h4", "concept-name", `Layer ${level.layer}, neuron ${neuron}`);
    title.tabIndex = -1;
    const link = node("a", "", "link to it");
    link.href = Neurons.address(level, neuron);
    const rank = store.rank(label, level, neuron);
    const fate = store.fate(level, neuron);
    const twin = node("a", "neuron-twin", other ? `The same neuron in the ${other.model} model` : "");
    const there = other && neuron < other.size ? node("p", "", twin, node("span", "quiet", ` ${told(store, label, other, neuron)}`)) : null;
    if (there) twin.href = Neurons.address(other, neuron);
    return { title, content: [
      node("p", "eyebrow", node("span", `model-name ${level.model}`, level.model), " model ", link),
      title,
      node("dl", "concept-facts", ...[
        Explorer.fact(`rank for ${store.about.labels[label]}`, rank ? `${whole(rank)} of ${whole(level.size)}` : "–"),
        Explorer.fact("saliency", Neurons.saliency(store.share(label, level, neuron))),
        fate ? Explorer.fact("after fine-tuning", fate) : null,
      ].filter(Boolean)),
      there,
      Explorer.section("Salient for", chips(store, level, neuron)),
      place < 0 ? null : sides(vocabulary, rest, place),
      place < 0 ? node("p", "quiet", "Words and sentences are kept for the most salient neurons only; this one is not among them.") : null,
      Explorer.section("Its rank", ranks(store, label, level, neuron, rest)),
      place < 0 ? null : Explorer.section("In its sentences", contexts(rest, sentences, place)),
    ].filter(Boolean) };
  };
})();
