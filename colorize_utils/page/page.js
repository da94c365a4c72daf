// Files that are too large are taken out of a drop before it is sent: else the server would refuse the whole of it.
(() => {
  const mostOfOne = MOST_OF_ONE, mostOfAll = MOST_OF_ALL;
  const megabytes = (bytes) => `${Math.ceil(bytes / 1e6).toLocaleString("en")} MB`;

  function sift(files) {
    const kept = new DataTransfer(), lines = [];
    let total = 0;
    for (const file of files) {
      if (file.size > mostOfOne) {
        lines.push([file.name, `expected at most ${megabytes(mostOfOne)} a file, got ${megabytes(file.size)}`]);
      } else if (total + file.size > mostOfAll) {
        lines.push([file.name, `expected at most ${megabytes(mostOfAll)} at a time: drop it again by itself`]);
      } else {
        total += file.size;
        kept.items.add(file);
      }
    }
    return [kept, lines];
  }

  function tell(lines) {
    const list = document.querySelector("#too-large");
    list.replaceChildren(...lines.map(([name, why]) => {
      const line = document.createElement("li"), bold = document.createElement("b");
      line.className = "bad";
      bold.textContent = name;
      line.append(bold, ` ${why}`);
      return line;
    }));
  }

  document.addEventListener("change", (event) => {
    if (event.sifted || !event.target.matches?.("#drop input[type=file]")) return;
    const [kept, lines] = sift(event.target.files);
    tell(lines);
    if (!lines.length) return;
    if (kept.files.length) event.target.files = kept.files;
    else {
      event.stopImmediatePropagation();
      event.target.value = "";
    }
  }, true);

  document.addEventListener("drop", (event) => {
    if (!event.target.closest?.("#drop") || !event.dataTransfer?.files.length) return;
    const [kept, lines] = sift(event.dataTransfer.files);
    tell(lines);
    if (!lines.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const input = document.querySelector("#drop input[type=file]");
    if (!kept.files.length || !input) return;
    input.files = kept.files;
    input.dispatchEvent(Object.assign(new Event("change", { bubbles: true }), { sifted: true }));
  }, true);
})();
