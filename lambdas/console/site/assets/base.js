// the base of all paths is two levels above this page, wherever a stage has put it
const base = new URL('../..', location.href).href.replace(/\/$/, '');
for (const element of document.querySelectorAll('[data-base]')) element.textContent = base;
