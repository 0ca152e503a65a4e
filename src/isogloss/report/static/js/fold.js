(() => {
  // A link into what is folded opens it; so does printing.
  const unfold = () => {
    const aim = document.getElementById(location.hash.slice(1));
    const folded = aim && aim.closest("details.more:not([open])");
    if (!folded) return;
    folded.open = true;
    aim.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  addEventListener("load", unfold);
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details.more")) folded.open = true;
  });
})();
