const Explorer = {};
(() => {
  // The compressed parts of a page that a reader walks through, opened when they are asked for.
  const OPEN_AT_ONCE = 2;

  Explorer.possible = () => typeof DecompressionStream === "function";
  Explorer.pause = () => new Promise((done) => { setTimeout(done); });
  Explorer.folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  Explorer.whole = (value) => value.toLocaleString("en-US");
  Explorer.percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;

  const inflated = async (base64) => {
    const raw = atob(base64.trim());
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };
  Explorer.starts = (lengths) => {
    const at = new Uint32Array(lengths.length + 1);
    lengths.forEach((length, i) => { at[i + 1] = at[i] + length; });
    return at;
  };

  // What a box holds: `about` at once, any part by its name, and the large parts whose names begin alike two at most.
  Explorer.parts = (box) => {
    const asked = new Map();
    const once = (name, make) => {
      if (!asked.has(name)) asked.set(name, make());
      return asked.get(name);
    };
    return {
      about: JSON.parse(box.querySelector(".explorer-about").textContent),
      part: (name) => inflated(box.querySelector(`[data-part="${name}"]`).textContent),
      once,
      few: (kind, number, make) => {
        const name = `${kind}-${number}`;
        const found = once(name, () => make(name));
        asked.delete(name);
        asked.set(name, found);
        const open = [...asked.keys()].filter((key) => key.startsWith(`${kind}-`));
        open.slice(0, -OPEN_AT_ONCE).forEach((key) => asked.delete(key));
        return found;
      },
    };
  };
})();
