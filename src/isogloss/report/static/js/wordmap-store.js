const WordMap = {};
(() => {
  // The words of a map: what each is and where it stands once, each level's coordinates when its layer is asked for.
  const SERIES = 6;
  const SHAPES = 3;
  const MISSING = -1;

  // Two digits a coordinate hold its place between the least and the largest: first digits before second ones, x before y.
  const coordinates = (text, { digits, places, words }, limits) => {
    const value = new Uint8Array(128);
    for (let i = 0; i < digits.length; i += 1) value[digits.charCodeAt(i)] = i;
    const steps = digits.length ** places - 1;
    return [0, 1].map((axis) => {
      const [low, high] = limits.slice(2 * axis, 2 * axis + 2);
      return Float64Array.from({ length: words }, (_, i) => {
        let code = 0;
        for (let place = 0; place < places; place += 1) code = code * digits.length + value[text.charCodeAt((axis * places + place) * words + i)];
        return low + (code / steps) * (high - low);
      });
    });
  };

  WordMap.store = (box) => {
    const { about, part, once } = Explorer.parts(box);
    const levels = about.levels.map(([model, layer, limits, shares], number) => ({ number, model, layer, limits, shares }));
    const store = {
      about,
      size: about.words,
      words: null,
      // All levels of one layer, with their coordinates.
      layer: async (layer) => Promise.all(levels.filter((level) => level.layer === layer).map((level) => once(`map-${level.number}`, async () => {
        const [x, y] = coordinates(await part(`map-${level.number}`), about, level.limits);
        return { ...level, x, y };
      }))),
      colouring: (number) => once(`colour-${number}`, async () => {
        const { of, numbers } = await part(`colour-${number}`);
        const { name, values, ordered } = about.colourings[number];
        const counts = new Map();
        for (const value of of) counts.set(value, (counts.get(value) ?? 0) + 1);
        return { number, name, values, ordered, of, numbers, counts };
      }),
      // Where there is nothing to colour by, all words are alike.
      plain: () => ({ number: MISSING, name: "", values: [""], ordered: false, of: new Uint8Array(about.words), numbers: [], counts: new Map() }),
      ready: () => once("points", async () => {
        const [vocabulary, sentences, points] = await Promise.all([part("words"), part("sentences"), part("points")]);
        const places = new Map();
        points.words.forEach((word, i) => {
          if (!places.has(word)) places.set(word, []);
          places.get(word).push(i);
        });
        store.words = { vocabulary, sentences, folded: vocabulary.map(Explorer.folded), of: points.words, contexts: points.contexts, places };
      }),
      text: (i) => store.words.vocabulary[store.words.of[i]],
      alike: (i) => store.words.places.get(store.words.of[i]),
      context: (i) => (store.words.contexts.length ? store.words.contexts.slice(3 * i, 3 * i + 3) : null),
      // The words that are what was asked for; where there is none, those that begin with it.
      find: (asked) => {
        const folded = Explorer.folded(asked.trim());
        if (!folded) return [];
        const matching = (fits) => store.words.folded.flatMap((word, place) => (fits(word) ? store.words.places.get(place) ?? [] : []));
        const exact = matching((word) => word === folded);
        return exact.length || folded.length < 2 ? exact : matching((word) => word.startsWith(folded));
      },
    };
    return store;
  };

  // How a class is drawn: a colour and a shape by its rank; ranges of numbers by how far up they are.
  WordMap.look = (colouring, rank) => {
    if (rank < 0) return { shape: SHAPES };
    if (colouring.ordered) return { shape: 0, ramp: rank / Math.max(colouring.values.length - 1, 1) };
    return rank < SERIES * SHAPES ? { shape: Math.floor(rank / SERIES), series: (rank % SERIES) + 1 } : { shape: SHAPES };
  };
  WordMap.className = (colouring, rank) => (rank < 0 ? "none" : colouring.values[rank]);
  const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.trim().slice(at, at + 2), 16));
  const mixed = (one, other, part) => `rgb(${rgb(one).map((value, i) => Math.round(value + (rgb(other)[i] - value) * part)).join(" ")})`;
  WordMap.colour = (style, { series, ramp }) => {
    const role = (name) => style.getPropertyValue(`--${name}`);
    if (series) return role(`s${series}`).trim();
    if (ramp === undefined) return role("axis").trim();
    return ramp < 0.5 ? mixed(role("s1"), role("s4"), 2 * ramp) : mixed(role("s4"), role("s2"), 2 * ramp - 1);
  };
  // Adds a shape around a point to a path: circle, square, triangle, cross; a cross is stroked, the others filled.
  WordMap.trace = (path, shape, x, y, r) => {
    if (shape === 0) {
      path.moveTo(x + r, y);
      path.arc(x, y, r, 0, 2 * Math.PI);
    } else if (shape === 1) path.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
    else if (shape === 2) {
      path.moveTo(x, y - 1.2 * r);
      path.lineTo(x + 1.15 * r, y + 0.85 * r);
      path.lineTo(x - 1.15 * r, y + 0.85 * r);
      path.closePath();
    } else {
      path.moveTo(x - r, y - r);
      path.lineTo(x + r, y + r);
      path.moveTo(x + r, y - r);
      path.lineTo(x - r, y + r);
    }
  };
})();
