// On every page of the reference: copy buttons, "/" for the search, the host of this hub in the examples, printing.
// The page says where the site begins: <html data-root="../../">.
'use strict';

const WRITTEN_HOST = document.documentElement.dataset.hub; // what the hub wrote into the examples
const COPIED_FOR_MS = 2000;

/** The examples name the address under which this page was opened. */
function nameThisHub() {
  const root = new URL(document.documentElement.dataset.root ?? './', document.baseURI);
  const hub = (root.origin + root.pathname).replace(/\/$/, '');
  if (!/^https?:$/.test(root.protocol) || hub === WRITTEN_HOST) return;
  for (const example of document.querySelectorAll('[data-host]')) {
    const texts = document.createTreeWalker(example, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(WRITTEN_HOST, hub);
  }
}

/** What a copy button copies: what its selector names, else the visible code beside it. */
function copied(button) {
  const named = button.dataset.copy && document.querySelector(button.dataset.copy);
  const near = [...(button.closest('.url, .code')?.querySelectorAll('pre, code') ?? [])];
  const source = named || near.find((one) => one.checkVisibility?.() ?? one.offsetParent) || near[0];
  return source?.innerText ?? '';
}

function setUpCopying() {
  const buttons = document.querySelectorAll('button[data-copy]');
  if (!navigator.clipboard) return; // missing on plain http, except on localhost: they stay hidden
  for (const button of buttons) button.hidden = false;
  const said = document.createElement('p');
  said.className = 'vh';
  said.setAttribute('role', 'status');
  document.body.append(said);
  for (const button of buttons) {
    const label = [...button.childNodes];
    let timer = 0;
    button.addEventListener('click', async () => {
      let word = 'Copied';
      try {
        await navigator.clipboard.writeText(copied(button));
      } catch {
        word = 'Not copied'; // the browser's user refused
      }
      button.textContent = word;
      said.textContent = word;
      clearTimeout(timer);
      timer = setTimeout(() => {
        button.replaceChildren(...label);
        said.textContent = '';
      }, COPIED_FOR_MS);
    });
  }
}

function setUpSearchKey() {
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest?.('input, textarea, select, [contenteditable]')) return;
    const search = document.querySelector('main .find input') ?? document.querySelector('.find input');
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
}

/** On paper nothing can be unfolded. */
function setUpPrinting() {
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('main details:not([open])')];
    for (const one of opened) one.open = true;
  });
  addEventListener('afterprint', () => {
    for (const one of opened) one.open = false;
  });
}

/** The language of the examples stays the one that was chosen, in this tab. */
function setUpLanguage() {
  const choices = [...document.querySelectorAll('.langs input')];
  try {
    const kept = choices.find((one) => one.value === sessionStorage.getItem('waypost-language'));
    if (kept) kept.checked = true;
    for (const one of choices) one.addEventListener('change', () => sessionStorage.setItem('waypost-language', one.value));
  } catch {
    // The storage is blocked: curl comes first on each page.
  }
}

nameThisHub();
setUpLanguage();
setUpCopying();
setUpSearchKey();
setUpPrinting();
