const Explorer = {};
(() => {
  // The compressed parts of an explorer, opened when they are asked for: a level's list once, the rest of two levels at most.
  const PER_MILLE = 1000;

  Explorer.possible = () => typeof DecompressionStream === "function";
  Explorer.pause = () => new Promise((done) => { setTimeout(done); });
  Explorer.folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  Explorer.whole = (value) => value.toLocaleString("en-US");
  Explorer.percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;
  Explorer.address = (level, id) => `#concept-${level.model}-${level.layer}-${id}`;

  const inflated = async (base64) => {
    const raw = atob(base64.trim());
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };
  const starts = (lengths) => {
    const at = new Uint32Array(lengths.length + 1);
    lengths.forEach((length, i) => { at[i + 1] = at[i] + length; });
    return at;
  };
  const opened = (raw, number, about) => {
    const [model, layer, size] = about.levels[number];
    return {
      number, model, layer, size,
      names: raw.names,
      folded: raw.names.map(Explorer.folded),
      tokens: Uint32Array.from(raw.tokens),
      types: Uint32Array.from(raw.types),
      cohesion: raw.cohesion,
      fates: Int8Array.from(raw.fates),
      polar: Int16Array.from(raw.polar),
      labels: Uint32Array.from(raw.labels),
      labelsAt: starts(raw.nLabels),
      words: Uint32Array.from(raw.words),
      counts: Uint32Array.from(raw.counts),
      wordsAt: starts(raw.nWords),
      shares: Float32Array.from(raw.shares, (share) => share / PER_MILLE),
    };
  };
  const ofRest = (raw) => ({
    contexts: raw.contexts,
    contextsAt: starts(raw.nContexts),
    links: raw.links,
    linkShares: raw.linkShares.map((share) => share / PER_MILLE),
    linksAt: starts(raw.nLinks),
    merges: raw.merges,
    heights: raw.heights,
  });

  Explorer.store = (box) => {
    const about = JSON.parse(box.querySelector(".explorer-about").textContent);
    const part = (name) => inflated(box.querySelector(`[data-part="${name}"]`).textContent);
    const heads = new Array(about.levels.length).fill(null);
    const asked = new Map();
    const once = (name, make) => {
      if (!asked.has(name)) asked.set(name, make());
      return asked.get(name);
    };
    const store = {
      about,
      heads,
      words: null,
      find: (model, layer) => about.levels.findIndex((level) => level[0] === model && level[1] === layer),
      vocabulary: () => once("words", async () => {
        const shown = await part("words");
        store.words = { shown, folded: shown.map(Explorer.folded) };
        return store.words;
      }),
      sentences: () => once("sentences", () => part("sentences")),
      head: (number) => once(`head-${number}`, async () => {
        heads[number] = opened(await part(`head-${number}`), number, about);
        return heads[number];
      }),
      rest: (number) => {
        const name = `rest-${number}`;
        const found = once(name, async () => ofRest(await part(name)));
        asked.delete(name);
        asked.set(name, found);
        const open = [...asked.keys()].filter((key) => key.startsWith("rest-"));
        open.slice(0, -2).forEach((key) => asked.delete(key));
        return found;
      },
      // Opens what is missing, one level at a time, and lets the page breathe in between; false once `stale` says so.
      ready: async (numbers, tell, stale) => {
        await store.vocabulary();
        for (const [i, number] of numbers.entries()) {
          if (heads[number]) continue;
          tell(i, numbers.length);
          await store.head(number);
          await Explorer.pause();
          if (stale()) return false;
        }
        return true;
      },
      loaded: (numbers) => store.words !== null && numbers.every((number) => heads[number]),
    };
    return store;
  };
})();
