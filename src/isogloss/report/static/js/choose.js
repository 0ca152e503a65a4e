(() => {
  // Show one group of a table at a time. Without this script all groups stand below each other.
  for (const chooser of document.querySelectorAll("[data-chooser]")) {
    const box = chooser.closest(".figure");
    const groups = [...box.querySelectorAll(".group")];
    const show = (index) => groups.forEach((group, i) => { group.hidden = i !== index; });
    chooser.hidden = false;
    box.classList.add("chosen");
    chooser.addEventListener("change", (event) => show(Number(event.target.value)));
    show(Number(chooser.dataset.chooser));
  }
})();
