(() => {
  // Where names stand beside their points so that they do not cover each other; at every step, near where they stood
  // at the next one, so that they do not jump. The drawing of the report does the same for the last step.
  const MUST = 8;
  const MOST = 24;
  const HEIGHT = 15;
  const GAP = 4;
  const EIGHTHS = [0, 4, 6, 2, 7, 1, 5, 3];
  const RINGS = [14, 30, 48, 70];
  const TWELFTHS = 12;
  const [WORSE, BACK, OVER_POINT, OVER_NAME, CHANGED] = [0.15, 2, 3, 40, 1.5];

  Paths.MUST = MUST;
  const candidates = (() => {
    const near = EIGHTHS.map((eighth, i) => ({ turn: (eighth * Math.PI) / 4, gap: GAP, cost: WORSE * i, led: false }));
    const far = RINGS.flatMap((gap, i) => Array.from({ length: TWELFTHS }, (_, k) => (
      { turn: (2 * Math.PI * k) / TWELFTHS, gap, cost: 3 + 1.5 * i, led: true })));
    return [...near, ...far].map((one) => ({ ...one, cos: Math.cos(one.turn), sin: Math.sin(one.turn) }));
  })();

  // `dots`: x, y, radius, width of the name, away (direction of the path); `order`: who is named first;
  // `before`: number of the place of each label's name at the step placed before. Gives by label {x, y, led, place}.
  const once = (dots, order, [left, top, right, bottom], before) => {
    const placed = new Map();
    for (let rank = 0; rank < order.length; rank += 1) {
      const i = order[rank];
      const must = rank < MUST;
      if (!must && placed.size >= MOST) break;
      const dot = dots[i];
      const half = dot.width / 2;
      const tried = must ? candidates.length : EIGHTHS.length;
      let [best, least] = [null, Infinity];
      for (let place = 0; place < tried; place += 1) {
        const one = candidates[place];
        let total = one.cost + (BACK * (1 - Math.cos(one.turn - dot.away))) / 2 + (before.has(i) && before.get(i) !== place ? CHANGED : 0);
        if (total >= least) continue;
        const x = dot.x + one.cos * (dot.radius + one.gap + half);
        const y = dot.y + one.sin * (dot.radius + one.gap + HEIGHT / 2);
        const out = Math.max(left - x + half, x + half - right, top - y + HEIGHT / 2, y + HEIGHT / 2 - bottom, 0);
        if (out && !must) continue;
        let over = 0;
        for (const [k, name] of placed) if (Math.abs(name.x - x) < dots[k].width / 2 + half + 3 && Math.abs(name.y - y) < HEIGHT) over += 1;
        if (over && !must) continue;
        total += OVER_NAME * over + 10 * out;
        for (let k = 0; k < dots.length && total < least; k += 1) {
          if (k === i || Math.abs(dots[k].x - x) >= half + dots[k].radius || Math.abs(dots[k].y - y) >= HEIGHT / 2 + dots[k].radius - 1) continue;
          total += must ? OVER_POINT : Infinity;
        }
        if (total < least) [best, least] = [{ x, y, led: one.led, place }, total];
      }
      if (best) placed.set(i, best);
    }
    return placed;
  };

  // For each step the names by label, from the last step to the first: the last is looked at longest.
  Paths.places = (steps, dotsAt, order, box) => {
    const found = [];
    let before = new Map();
    for (let step = steps - 1; step >= 0; step -= 1) {
      found[step] = once(dotsAt(step), order, box, before);
      before = new Map([...found[step]].map(([i, name]) => [i, name.place]));
    }
    return found;
  };
})();
