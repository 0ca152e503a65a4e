const Neurons = {};
(() => {
  // The neurons of both models: each label's map once, what lists need at once, the open neurons of two levels at most.
  const HUNDREDTH = 100;

  Neurons.address = (level, neuron) => `#neuron-${level.model}-${level.layer}-${neuron}`;

  // A few digits a neuron, all first ones before all second ones, hold the square root of its saliency.
  const codes = (text, { digits, places }) => {
    const value = new Uint8Array(128);
    for (let i = 0; i < digits.length; i += 1) value[digits.charCodeAt(i)] = i;
    const size = text.length / places;
    const found = new Uint32Array(size);
    for (let at = 0; at < text.length; at += 1) found[at % size] = found[at % size] * digits.length + value[text.charCodeAt(at)];
    return found;
  };
  const opened = (raw) => ({
    places: new Map(raw.neurons.map((neuron, place) => [neuron, place])),
    neurons: raw.neurons,
    fates: raw.fates,
    salient: raw.salient,
    salientAt: Explorer.starts(raw.nSalient),
  });
  const ofRest = (raw) => ({
    ...raw,
    wordsAt: Explorer.starts(raw.nWords),
    contextsAt: Explorer.starts(raw.nContexts),
  });

  Neurons.store = (box) => {
    const { about, part, once, few } = Explorer.parts(box);
    const steps = about.digits.length ** about.places - 1;
    const levels = about.levels.map(([model, layer, size], number) => ({ number, model, layer, size }));
    const maps = about.labels.map(() => null);
    const store = {
      about,
      levels,
      maps,
      steps,
      heads: null,
      find: (model, layer) => levels.find((level) => level.model === model && level.layer === layer),
      across: (level) => levels.find((other) => other.model !== level.model && other.layer === level.layer),
      map: (label) => once(`map-${label}`, async () => {
        maps[label] = (await part(`map-${label}`)).map((text) => codes(text, about));
        return maps[label];
      }),
      everyMap: () => Promise.all(maps.map((_, label) => store.map(label))),
      ready: () => once("heads", async () => { store.heads = (await part("heads")).map(opened); }),
      rest: (number) => few("rest", number, async (name) => ofRest(await part(name))),
      vocabulary: () => once("words", () => part("words")),
      sentences: () => once("sentences", () => part("sentences")),
      share: (label, level, neuron) => (maps[label][level.number][neuron] / steps) ** 2,
      // Its place among the layer's neurons for a label, 1 = first; 0 where it has no saliency. Equals share a place.
      rank: (label, level, neuron) => {
        const all = maps[label][level.number];
        if (!all[neuron]) return 0;
        return all.reduce((count, code) => count + (code > all[neuron] ? 1 : 0), 1);
      },
      place: (level, neuron) => store.heads[level.number].places.get(neuron) ?? -1,
      fate: (level, neuron) => {
        const place = store.place(level, neuron);
        return place < 0 ? "" : about.fates[store.heads[level.number].fates[place]] ?? "";
      },
      // (label, value) pairs of what a neuron is salient for.
      salient: (level, neuron) => {
        const place = store.place(level, neuron);
        const head = store.heads[level.number];
        const pairs = [];
        for (let at = head.salientAt[place] ?? 0; place >= 0 && at < head.salientAt[place + 1]; at += 2) {
          pairs.push([head.salient[at], head.salient[at + 1]]);
        }
        return pairs;
      },
    };
    return store;
  };
  Neurons.saliency = (share) => (share > 0 && share < 0.005 ? "< 0.01" : share.toFixed(2));
  Neurons.deviations = (hundredths) => `${hundredths < 0 ? "−" : "+"}${(Math.abs(hundredths) / HUNDREDTH).toFixed(1)}`;
})();
