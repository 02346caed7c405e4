/** The script of the index: shows the reports that have all words of the filter in their line. */
const box = document.querySelector<HTMLInputElement>('#filter')!;
const count = document.querySelector<HTMLElement>('#count')!;
const lines = [...document.querySelectorAll<HTMLElement>('[data-report]')];
const texts = lines.map((line) => line.textContent.toLowerCase());

function filter(): void {
  const words = box.value.toLowerCase().split(/\s+/);
  let shown = 0;
  lines.forEach((line, i) => {
    line.hidden = !words.every((word) => texts[i].includes(word));
    if (!line.hidden) shown++;
  });
  for (const group of document.querySelectorAll<HTMLElement>('[data-group]')) {
    group.hidden = group.querySelector('[data-report]:not([hidden])') === null;
  }
  count.textContent = `${String(shown)} of ${String(lines.length)} reports`;
}

box.closest<HTMLElement>('.filter')!.hidden = false;
box.addEventListener('input', filter);
filter();
