(() => {
  // Which concepts of the open levels fit what was typed and chosen, and in which order.
  const EXACT = 2;
  const STARTS = 1;
  const LARGEST_LEVEL = 1e6;
  const ORDERS = {
    size: (level, id) => level.tokens[id],
    cohesion: (level, id) => level.cohesion[id] ?? -Infinity,
    share: (level, id, classes, chosen) => {
      const first = id * classes;
      if (chosen >= 0) return level.shares[first + chosen];
      let most = 0;
      for (let at = first; at < first + classes; at += 1) most = Math.max(most, level.shares[at]);
      return most;
    },
  };

  Explorer.level = (code) => Math.floor(code / LARGEST_LEVEL);
  Explorer.id = (code) => code % LARGEST_LEVEL;
  Explorer.code = (number, id) => number * LARGEST_LEVEL + id;

  // Whether a word of the text begins with the term: "ing" is in "suffix=-ing", not in "casing=lower".
  const LETTER = /[\p{L}\p{N}]/u;
  const begins = (text, term) => {
    for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + 1)) {
      if (at === 0 || !LETTER.test(text[at - 1]) || !LETTER.test(term[0])) return true;
    }
    return false;
  };

  // For each word of the query: which words of the vocabulary it is or begins, in which labels it begins a word.
  const terms = (store, query) => Explorer.folded(query).split(/\s+/).filter(Boolean).map((term) => {
    const words = new Uint8Array(store.words.folded.length);
    store.words.folded.forEach((word, i) => {
      if (word.startsWith(term)) words[i] = word === term ? EXACT : STARTS;
    });
    const labels = Uint8Array.from(store.labels, (label) => (begins(label, term) ? 1 : 0));
    return { term, words, labels };
  });

  // How well a concept fits a term (0 not at all) in the lowest two bits; above them, one past the place of the word.
  const matched = (level, id, { term, words, labels }) => {
    let best = begins(level.folded[id], term) ? STARTS : 0;
    let word = 0;
    for (let at = level.wordsAt[id]; at < level.wordsAt[id + 1]; at += 1) {
      const how = words[level.words[at]];
      if (how > best || (how && how === best && !word)) { best = how; word = at + 1; }
      if (best === EXACT) break;
    }
    for (let at = level.labelsAt[id]; !best && at < level.labelsAt[id + 1]; at += 1) best = labels[level.labels[at]];
    return word * 4 + best;
  };

  const labelled = (level, id, wanted) => {
    for (let at = level.labelsAt[id]; at < level.labelsAt[id + 1]; at += 1) if (wanted[level.labels[at]]) return true;
    return false;
  };

  // Returns the concepts as codes, best first, and for each the place of the word that matched (-1 without one).
  Explorer.search = (store, numbers, { query, family, value, polar, fate, order }) => {
    store.labels ??= store.about.labels.map(Explorer.folded);
    const wanted = family === "" ? null : Uint8Array.from(store.about.labels,
      (label) => (value ? label === value : label.split("=")[0] === family) ? 1 : 0);
    const asked = terms(store, query);
    const classes = store.about.classes.length;
    const chosen = polar === "" || polar === "any" || polar === "none" ? -1 : Number(polar);
    const total = numbers.reduce((sum, number) => sum + store.heads[number].size, 0);
    const [codes, keys, words] = [new Float64Array(total), new Float64Array(total), new Int32Array(total)];
    const exact = new Uint8Array(total);
    let count = 0;
    for (const number of numbers) {
      const level = store.heads[number];
      for (let id = 0; id < level.size; id += 1) {
        if (fate !== "" && level.fates[id] !== Number(fate)) continue;
        if (polar === "none" && level.polar[id] >= 0) continue;
        if (polar === "any" && level.polar[id] < 0) continue;
        if (chosen >= 0 && level.polar[id] !== chosen) continue;
        if (wanted && !labelled(level, id, wanted)) continue;
        let least = EXACT;
        let word = -1;
        for (let i = 0; i < asked.length && least; i += 1) {
          const how = matched(level, id, asked[i]);
          least = Math.min(least, how % 4);
          if (how >= 4) word = Math.floor(how / 4) - 1;
        }
        if (!least) continue;
        codes[count] = Explorer.code(number, id);
        keys[count] = ORDERS[order](level, id, classes, chosen);
        exact[count] = least;
        words[count] = word;
        count += 1;
      }
    }
    // A difference that is no number (two without cohesion) leaves the order as it was.
    const places = Uint32Array.from({ length: count }, (_, i) => i)
      .sort((a, b) => exact[b] - exact[a] || keys[b] - keys[a] || a - b);
    return { codes: Array.from(places, (i) => codes[i]), words: Array.from(places, (i) => words[i]) };
  };
})();
