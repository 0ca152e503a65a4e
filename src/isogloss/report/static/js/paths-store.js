const Paths = {};
(() => {
  // The places of labels, layer by layer: opened when a layer is asked for.
  const NOTHING = null;

  // Two digits each: a label's first place between the least and the largest, then the way to each next one around the
  // circle of all places (0, 1 back, 1 on ...). First digits stand before second ones.
  const reader = (text, { digits, places }, length) => {
    const value = new Uint8Array(128);
    for (let i = 0; i < digits.length; i += 1) value[digits.charCodeAt(i)] = i;
    const top = digits.length ** places - 1;
    let from = 0;
    return (count, [low, high], steps) => {
      let at = 0;
      const read = Array.from({ length: count }, (_, i) => {
        let code = 0;
        for (let place = 0; place < places; place += 1) code = code * digits.length + value[text.charCodeAt(from + place * count + i)];
        const way = code % 2 ? top + 1 - (code + 1) / 2 : code / 2;
        at = i % length ? (at + way) % (top + 1) : code;
        return at > top + steps ? NOTHING : low + (at / (top + steps)) * (high - low);
      });
      from += places * count;
      return read;
    };
  };

  Paths.store = (box) => {
    const { about, part, once } = Explorer.parts(box);
    const [labels, steps] = [about.names.length, about.steps.length];
    const rows = (flat) => about.names.map((_, i) => flat.slice(i * steps, (i + 1) * steps));
    return {
      about,
      labels,
      steps,
      // x, y and distances by label and step; how far each label moved, how long its path is, and who moved farthest.
      layer: (number) => once(`path-${number}`, async () => {
        const [layer, limits, shares] = about.layers[number];
        const read = reader(await part(`path-${number}`), about, steps);
        const [x, y] = [0, 2].map((k) => rows(read(labels * steps, limits.slice(k, k + 2), 0)));
        const distances = limits.length > 4 ? rows(read(labels * steps, limits.slice(4, 6), -1)) : [];
        const apart = (i, a, b) => Math.hypot(x[i][b] - x[i][a], y[i][b] - y[i][a]);
        const moved = about.names.map((_, i) => apart(i, 0, steps - 1));
        const lengths = about.names.map((_, i) => x[i].slice(1).reduce((sum, _x, k) => sum + apart(i, k, k + 1), 0));
        const order = [...moved.keys()].sort((a, b) => moved[b] - moved[a]);
        return { number, layer, shares, x, y, distances, moved, lengths, order };
      }),
      rank: (label) => (about.groups.length ? about.of[label] : label),
    };
  };

  // Numbers as the page's tables have them: some four digits.
  const [small, large] = [4, 6].map((maximumSignificantDigits) => new Intl.NumberFormat("en-US", { maximumSignificantDigits }));
  Paths.number = (value) => {
    if (value === NOTHING || value === undefined) return "–";
    const size = Math.abs(value);
    if (size && (size >= 1e6 || size < 1e-3)) return value.toExponential(2);
    return (size >= 1000 ? large : small).format(value);
  };
})();
