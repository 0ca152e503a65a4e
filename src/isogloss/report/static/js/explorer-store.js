(() => {
  // The concepts of an explorer: a level's list once, the rest of two levels at most.
  const PER_MILLE = 1000;

  Explorer.address = (level, id) => `#concept-${level.model}-${level.layer}-${id}`;

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
      labelsAt: Explorer.starts(raw.nLabels),
      words: Uint32Array.from(raw.words),
      counts: Uint32Array.from(raw.counts),
      wordsAt: Explorer.starts(raw.nWords),
      shares: Float32Array.from(raw.shares, (share) => share / PER_MILLE),
    };
  };
  const ofRest = (raw) => ({
    contexts: raw.contexts,
    contextsAt: Explorer.starts(raw.nContexts),
    links: raw.links,
    linkShares: raw.linkShares.map((share) => share / PER_MILLE),
    linksAt: Explorer.starts(raw.nLinks),
    merges: raw.merges,
    heights: raw.heights,
  });

  Explorer.store = (box) => {
    const { about, part, once, few } = Explorer.parts(box);
    const heads = new Array(about.levels.length).fill(null);
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
      rest: (number) => few("rest", number, async (name) => ofRest(await part(name))),
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
